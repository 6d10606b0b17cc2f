"""Terminal tables that fit: what is too wide for the terminal goes on below, under the same first columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from cluster_sim.results.reader import printable

PADDING = 2
NAME_WIDTH_LEAST = 8

Cell = Text | str


def literal_text(text: str, style: str = "") -> Text:
    """Text from a run that does nothing: no markup, no control characters."""
    return Text("\n".join(map(printable, text.split("\n"))), style)


@dataclass
class FoldedTable:
    """A table with columns that name a row (left) and columns of values (right), in as many slices as the width asks.

    Headers may have several lines. A row's first column is left out where it repeats the row above.
    """

    names: Sequence[str]
    values: Sequence[str]
    title: str = ""
    style: str = "bold"
    rows: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]] = field(default_factory=list)

    def add_row(self, names: Sequence[Cell], values: Sequence[Cell]) -> None:
        """Add a row; a string has no markup."""
        self.rows.append((tuple(map(as_text, names)), tuple(map(as_text, values))))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The slices, one below the other."""
        if self.title:
            yield literal_text(self.title, self.style)
        for columns in self.slices(options.max_width):
            yield self._slice(columns, options.max_width)

    def slices(self, width: int) -> Iterator[list[int]]:
        """Numbers of the value columns that fit beside the names, slice by slice; each has one at least."""
        room = width - sum(min(wide, self._name_width(width)) + PADDING for wide in self._widths_of_names())
        columns, used = list[int](), 0
        for number in range(len(self.values)):
            wide = self._width_of(number) + PADDING
            if columns and used + wide > room:
                yield columns
                columns, used = [], 0
            columns.append(number)
            used += wide
        yield columns

    def _name_width(self, width: int) -> int:
        """The most that one name column takes: all of them at most half the width."""
        return max(width // (2 * max(len(self.names), 1)) - PADDING, NAME_WIDTH_LEAST)

    def _widths_of_names(self) -> list[int]:
        headers = [widest(header) for header in self.names]
        return [max([header, *(cell_len(str(row[0][n])) for row in self.rows)]) for n, header in enumerate(headers)]

    def _width_of(self, number: int) -> int:
        return max([widest(self.values[number]), *(cell_len(str(row[1][number])) for row in self.rows)])

    def _slice(self, columns: Sequence[int], width: int) -> Table:
        table = Table(box=None, padding=(0, 1))
        lines = max([0, *(header.count("\n") for header in (*self.names, *(self.values[n] for n in columns)))])
        for header in self.names:
            table.add_column(
                literal_lines(header, lines), overflow="fold", max_width=self._name_width(width), vertical="top"
            )
        for number in columns:
            table.add_column(literal_lines(self.values[number], lines), justify="right", no_wrap=True)
        last = ""
        for names, values in self.rows:
            first = str(names[0]) if names else ""
            repeats = len(names) > 1 and first == last
            last = first
            shown = ["" if repeats and n == 0 else name for n, name in enumerate(names)]
            table.add_row(*shown, *(values[number] for number in columns))
        return table


def as_text(cell: Cell) -> Text:
    """A cell without markup."""
    return cell if isinstance(cell, Text) else literal_text(cell)


def widest(text: str) -> int:
    """Columns that the longest line takes."""
    return max(map(cell_len, text.split("\n")))


def literal_lines(header: str, breaks: int) -> Text:
    """A header of so many line breaks, whatever it says."""
    lines = header.split("\n")
    padded = [*lines, *[""] * (breaks + 1 - len(lines))]
    return Text("\n").join(literal_text(line) for line in padded)
