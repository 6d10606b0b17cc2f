"""A request that turns into its answer: both are one transfer, in along one queue and out along another."""

from dataclasses import replace

from cluster_sim.io_paths.buffer_life import deliver_then_restore, stop
from cluster_sim.io_paths.steps import Op, Program, Step


def turning(program: Program) -> Program:
    """The program of a request, at whose end its answer begins and nothing has been delivered."""
    turn = Step(Op.TURN, "the request is with the server, whose answer begins")
    return replace(program, steps=tuple(turn if step.op == Op.DELIVER else step for step in program.steps))


def ending_at_the_client(program: Program) -> Program:
    """The program of an answer, which ends when its client has it; what is cleaned up behind that comes after."""
    ops = [step.op for step in program.steps]
    behind = ops.index(Op.ANSWERED) + 1
    cleanup = program.steps[behind:-1]
    if program.restore or len(cleanup) == 1:
        return program
    return replace(program, steps=(*program.steps[:behind], *deliver_then_restore()), restore=(*cleanup, stop()))
