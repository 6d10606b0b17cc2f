"""Terminal tables that fit: what is too wide for the terminal goes on below, under the same first columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from cluster_sim.results.reader import printable

PADDING = 2
KEY_WIDTH_LEAST = 8

Cell = Text | str


def plain(words: str, style: str = "") -> Text:
    """Words from a run as text that does nothing: no markup, no control characters."""
    return Text("\n".join(map(printable, words.split("\n"))), style)


@dataclass
class FoldedTable:
    """A table with columns that name a row (left) and columns of values (right), in as many parts as the width asks.

    Headers may have several lines. A row's first column is left out where it repeats the row above.
    """

    keys: Sequence[str]
    values: Sequence[str]
    title: str = ""
    style: str = "bold"
    rows: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]] = field(default_factory=list)

    def add_row(self, keys: Sequence[Cell], values: Sequence[Cell]) -> None:
        """Add a row; text that is no Text is taken as plain."""
        self.rows.append((tuple(map(as_text, keys)), tuple(map(as_text, values))))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The parts, one below the other."""
        if self.title:
            yield plain(self.title, self.style)
        for columns in self.parts(options.max_width):
            yield self._part(columns, options.max_width)

    def parts(self, width: int) -> Iterator[list[int]]:
        """Numbers of the value columns that fit beside the keys, part by part; each part has one at least."""
        room = width - sum(min(wide, self._key_width(width)) + PADDING for wide in self._widths_of_keys())
        part, used = list[int](), 0
        for number in range(len(self.values)):
            wide = self._width_of(number) + PADDING
            if part and used + wide > room:
                yield part
                part, used = [], 0
            part.append(number)
            used += wide
        yield part

    def _key_width(self, width: int) -> int:
        """The most that one key column takes: all of them at most half the width."""
        return max(width // (2 * max(len(self.keys), 1)) - PADDING, KEY_WIDTH_LEAST)

    def _widths_of_keys(self) -> list[int]:
        headers = [widest(header) for header in self.keys]
        return [max([header, *(cell_len(str(row[0][n])) for row in self.rows)]) for n, header in enumerate(headers)]

    def _width_of(self, number: int) -> int:
        return max([widest(self.values[number]), *(cell_len(str(row[1][number])) for row in self.rows)])

    def _part(self, columns: Sequence[int], width: int) -> Table:
        table = Table(box=None, padding=(0, 1))
        lines = max([0, *(header.count("\n") for header in (*self.keys, *(self.values[n] for n in columns)))])
        for header in self.keys:
            table.add_column(
                plain_lines(header, lines), overflow="fold", max_width=self._key_width(width), vertical="top"
            )
        for number in columns:
            table.add_column(plain_lines(self.values[number], lines), justify="right", no_wrap=True)
        last = ""
        for keys, values in self.rows:
            first = str(keys[0]) if keys else ""
            repeats = len(keys) > 1 and first == last
            last = first
            named = ["" if repeats and n == 0 else key for n, key in enumerate(keys)]
            table.add_row(*named, *(values[number] for number in columns))
        return table


def as_text(cell: Cell) -> Text:
    """A cell without markup."""
    return cell if isinstance(cell, Text) else plain(cell)


def widest(words: str) -> int:
    """Columns that the longest line takes."""
    return max(map(cell_len, words.split("\n")))


def plain_lines(header: str, breaks: int) -> Text:
    """A header of so many line breaks, whatever it says."""
    lines = header.split("\n")
    padded = [*lines, *[""] * (breaks + 1 - len(lines))]
    return Text("\n").join(plain(line) for line in padded)
