"""What keeps an analysis from being made: where, what was found, what is allowed; text is made of it at the door."""

from collections.abc import Mapping, Sequence

from cluster_sim.refusal import InputError
from cluster_sim.scenario.problems import Contradiction

MOST_TOLD = 20
"""Contradictions of one run that are listed."""


class AnalysisError(InputError):
    """Something that was asked of an analysis and cannot be had."""


class ComparisonError(AnalysisError):
    """What cannot be compared."""


class IncomparableRunsError(ComparisonError):
    """Runs that differ where they must agree: the contradictions to the first run, by the other's name."""

    def __init__(self, by_run: Mapping[str, Sequence[Contradiction]]) -> None:
        every = [each for contradictions in by_run.values() for each in contradictions]
        super().__init__("runs", "; ".join(each.found for each in every), "; ".join(each.allowed for each in every))
        self.by_run = by_run

    def __str__(self) -> str:
        """One line a contradiction, the first of each run."""
        lines = ["runs that cannot be compared:"]
        for name, contradictions in self.by_run.items():
            lines += [text_of(each) for each in contradictions[:MOST_TOLD]]
            more = len(contradictions) - MOST_TOLD
            lines += [f"and {more} more fields of {name}"] if more > 0 else []
        return "\n".join(lines)


class StudyError(AnalysisError):
    """A study that cannot be made, or whose stored points cannot be read."""


class UnrunnableScenarioError(StudyError):
    """A scenario that a study asks for and that cannot be run."""

    def __init__(self, where: str, contradictions: Sequence[Contradiction]) -> None:
        every = contradictions
        super().__init__(where, "; ".join(each.found for each in every), "; ".join(each.allowed for each in every))
        self.contradictions = tuple(contradictions)

    def __str__(self) -> str:
        """All contradictions on one line."""
        return f"{self.where}: {'; '.join(map(text_of, self.contradictions))}"


def text_of(contradiction: Contradiction) -> str:
    """A contradiction in words."""
    return f"{contradiction.field}: found {contradiction.found}, allowed: {contradiction.allowed}"
