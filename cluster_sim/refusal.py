"""What is refused: where, what was found there, what is allowed. Errors carry it, and it becomes text here alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused; nothing is `allowed` where no rule of ours refused it, but the machine."""

    where: str
    found: str
    allowed: str = ""

    def __str__(self) -> str:
        """One line of text."""
        where = f"{self.where}: " if self.where else ""
        return f"{where}found {self.found}, allowed: {self.allowed}" if self.allowed else f"{where}{self.found}"


class InputError(Exception):
    """Input that is refused, for one reason or for several, the first of which its own fields tell."""

    def __init__(self, where: str, found: str, allowed: str = "", *, also: Iterable[Refusal] = ()) -> None:
        self.where, self.found, self.allowed = where, found, allowed
        self.refusals = (Refusal(where, found, allowed), *also)
        super().__init__(where, found, allowed)

    @classmethod
    def of(cls, refusals: Iterable[Refusal]) -> Self:
        """The error that tells all of some refusals, at least one, at once."""
        first, *also = refusals
        return cls(first.where, first.found, first.allowed, also=also)

    def __str__(self) -> str:
        """A line for each refusal."""
        return "\n".join(map(str, self.refusals))
