"""A table of a run as notebooks want it: whole, in parts, or as a data frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from cluster_sim.results.columns import TABLES

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class MissingExtraError(ImportError):
    """A library of the extra `notebook` that is not installed; the text says how to install it."""

    def __init__(self, library: str) -> None:
        super().__init__(f"{library} is not installed: pip install 'cluster-sim[notebook]'", name=library)


@dataclass(frozen=True, slots=True)
class OpenedTable:
    """One table of a run; nothing is read before it is asked for.

    `rows` are those that the manifest lists. Every reader takes `columns`; without, all columns are read, and
    `variant` and `replication` are columns like others.
    """

    name: str
    dataset: ds.Dataset
    rows: int

    def scanner(
        self, columns: Sequence[str] | None = None, where: ds.Expression | None = None, batch_rows: int = 131_072
    ) -> ds.Scanner:
        """A scanner over batches, for tables larger than memory; `where` is an Arrow expression."""
        return self.dataset.scanner(columns=self._checked(columns), filter=where, batch_size=batch_rows)

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The table in memory, each column with its unit and meaning."""
        return self.dataset.to_table(columns=self._checked(columns))

    def to_polars(self, columns: Sequence[str] | None = None) -> "pl.DataFrame":
        """The table as a Polars data frame."""
        try:
            import polars as pl
        except ImportError:
            raise MissingExtraError("polars") from None
        return pl.DataFrame(pl.from_arrow(self.to_arrow(columns)))

    def to_pandas(self, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """The table as a pandas data frame."""
        try:
            import pandas  # noqa: F401, ICN001 - asked for by Arrow
        except ImportError:
            raise MissingExtraError("pandas") from None
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas()
        return frame

    def _checked(self, columns: Sequence[str] | None) -> list[str] | None:
        """Columns that the table has; ValueError names the others."""
        names = self.dataset.schema.names
        if columns is None:
            return None
        wrong = [column for column in columns if column not in names]
        if wrong:
            found = ", ".join(map(repr, wrong))
            raise ValueError(f"columns of {self.name}: found {found}, allowed: {', '.join(names)}")
        return list(columns)

    def __repr__(self) -> str:
        return f"<table {self.name}: {self.rows:,} rows, {len(self.dataset.schema.names)} columns>"

    def _repr_html_(self) -> str:
        """The columns with unit and meaning, for notebooks."""
        cells = [
            f"<tr><td><code>{escape(column.name)}</code></td><td>{escape(column.unit)}</td>"
            f"<td style='text-align:left'>{escape(column.meaning)}</td></tr>"
            for column in TABLES[self.name]
        ]
        head = "<tr><th>column</th><th>unit</th><th>meaning</th></tr>"
        table = f"<table>{head}{''.join(cells)}</table>"
        return f"<p>{escape(repr(self))}</p><details><summary>columns</summary>{table}</details>"
