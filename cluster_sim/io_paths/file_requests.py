"""A request for a file's data: round trips without data, then its data in parts; all of them are one transfer."""

from dataclasses import replace

from cluster_sim.io_paths.steps import Op, Program, Step


def in_parts(program: Program) -> Program:
    """The program of a part, run part by part: it begins with a buffer, and its end is the next one's beginning.

    Its last step is replaced, and not moved: what undoes it counts its steps from there.
    """
    first = next(number for number, step in enumerate(program.steps) if step.op == Op.TAKE_BUFFER)
    begin = Step(Op.BEGIN_PARTS, "the request begins: which part is first?")
    after = program.steps[first:-1]
    assert program.steps[-1].op == Op.DELIVER
    turn = Step(Op.TURN, "the part is done: the next one begins, or the request is delivered", argument=len(after))
    return replace(program, steps=(*program.steps[:first], begin, *after, turn))
