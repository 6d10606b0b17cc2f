"""What is said of work that is offered at a rate and not sustained."""

import math
from dataclasses import dataclass
from typing import Final

from cluster_sim.analysis.answers.phrases import amount

FAR: Final = 1.1
"""Uses from which two digits of the rate that is sustained say enough; nearer to 1 it takes three."""


@dataclass(frozen=True, slots=True)
class Overload:
    """A rate that is offered and not sustained, a stream's or a guest's as the definition states it.

    `resource` is what is short and `use` how much of it would be used, 1 being all; without `use` nothing is known to
    be short, `resource` says what becomes of the work, and `sustained` is what is delivered in time.
    """

    offered: float
    sustained: float
    unit: str
    resource: str
    use: float | None

    @property
    def sentence(self) -> str:
        """Such as `does not sustain 60 frames/s: pKVM's host-wide lock would be used 182 %; it sustains 33`.

        The use is told as that of the rate that is told, so that the three numbers agree.
        """
        begin = f"does not sustain {amount(self.offered)} {self.unit}"
        if self.use is None:
            in_time = f"{amount(rounded(self.sustained, 3))} are" if self.sustained else "none is"
            why = f"{self.resource}; " if self.resource else ""
            return f"{begin}: {why}{in_time} delivered in time"
        told = rounded(self.sustained, 2 if self.use >= FAR else 3)
        return f"{begin}: {self.resource} would be used {100 * self.offered / told:.0f} %; it sustains {amount(told)}"


def rounded(value: float, digits: int) -> float:
    """A number to so many digits that matter."""
    if not value:
        return 0.0
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))
