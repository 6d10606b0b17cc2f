"""A request that turns into its answer: both are one transfer, in along one queue and out along another."""

from dataclasses import replace

from cluster_sim.io_paths.steps import Op, Program, Step


def turning(program: Program) -> Program:
    """The program of a request, at whose end its answer begins and nothing has been delivered."""
    turn = Step(Op.TURN, "the request is with the server, whose answer begins")
    return replace(program, steps=tuple(turn if step.op == Op.DELIVER else step for step in program.steps))
