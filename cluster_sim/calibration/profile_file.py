"""A calibration as a table of costs, in the form that every table of costs has (platform/provenance.py)."""

import datetime as dt
import json
from collections.abc import Iterator

from cluster_sim.calibration.catalogue import Calibration
from cluster_sim.calibration.sampling import Measured, Refused

SOURCE = "calibration"


def written(calibration: Calibration, at: dt.datetime) -> str:
    """The table; what was refused stands in it as comments."""
    return "\n".join(lines(calibration, at)) + "\n"


def lines(calibration: Calibration, at: dt.datetime) -> Iterator[str]:
    """Line by line."""
    before, after = calibration.before, calibration.after
    yield "# Costs of one machine, measured by `cluster-sim calibrate`; lay them over the shipped ones with --profile."
    yield "schema = 1"
    yield ""
    yield f"[source.{SOURCE}]"
    day = at.strftime("%Y-%m-%d %H:%M UTC")
    yield f"title = {toml_text(f'cluster-sim calibrate on {before.text}, {day}')}"
    yield f'year = "{at.year}"'
    yield f"address = {toml_text(f'this machine; before: {before.state}; after: {after.state}')}"
    for each in calibration.found:
        yield ""
        match each:
            case Refused(measure, reason):
                yield f"# {measure.cost}: refused, {plain(reason)}"
            case Measured(measure):
                yield f"[cost.{measure.cost}]"
                yield f"value = {each.value!r}"
                yield f'unit = "{measure.unit}"'
                yield f"low = {each.low!r}"
                yield f"high = {each.high!r}"
                yield f'source = "{SOURCE}"'
                yield 'confidence = "measured"'
                yield f"note = {toml_text(note_of(each))}"


def note_of(found: Measured) -> str:
    """What was done, and how sure its figure is."""
    lost = f", {found.disturbed} disturbed" if found.disturbed else ""
    busy = " and kept, for the machine was busy" if found.is_busy else " and left out" if found.disturbed else ""
    return f"{found.measure.text}; median of {found.rounds} rounds, {found.outliers} far out{lost}{busy}"


def toml_text(text: str) -> str:
    """A text as TOML reads it: as in JSON, but for DEL, and without the pairs that JSON makes of rare letters."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def plain(text: str) -> str:
    """A text that fits a comment: one line, no control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
