"""What a report says in words: the answer, then the reason, then the doubt."""

from dataclasses import dataclass
from typing import Literal

Standing = Literal["confirmed", "refuted", "undecided"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence on the paths of one stratum and guest group, and what else is to be said of them.

    `stratum` names the labels outside the baseline's axes, such as `protection pkvm`; `best` is the label of the
    path that is shown to be best, None where none is. `rests_on` names costs that could overturn it.
    """

    stratum: str
    group: str
    sentence: str
    best: str | None
    details: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One of H1 to H3 in one stratum: where it stands, in a sentence, and the figures that it stands on."""

    name: str
    claim: str
    stratum: str
    standing: Standing
    sentence: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A cost behind a verdict: its range, its source, and what becomes of the verdict at its ends."""

    cost: str
    value: float
    low: float
    high: float
    unit: str
    source: str
    overturns: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class WiderDoubt:
    """What else could overturn a verdict, all costs together or an assumption, and what becomes of it then."""

    subject: str
    sentence: str
    overturns: bool


@dataclass(frozen=True, slots=True)
class Assumption:
    """A sentence on what a run takes for granted, and whose behaviour that is, by its source."""

    sentence: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """All that a report says in words: one sentence over all strata first; `remarks` are warnings."""

    question: str
    summary: str
    verdicts: tuple[Verdict, ...]
    hypotheses: tuple[Hypothesis, ...]
    doubts: tuple[Doubt, ...]
    remarks: tuple[str, ...]
    assumed: tuple[Assumption, ...] = ()
    wider_doubts: tuple[WiderDoubt, ...] = ()
