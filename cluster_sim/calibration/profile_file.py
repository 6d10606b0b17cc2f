"""A calibration as a table of costs, in the form that every table of costs has (platform/provenance.py)."""

import json
from collections.abc import Iterator

from cluster_sim.calibration.catalogue import Calibration
from cluster_sim.calibration.sampling import Measured, Refused

SOURCE = "calibration"


def written(calibration: Calibration, year: int) -> str:
    """The table; what was refused stands in it as comments."""
    return "\n".join(lines(calibration, year)) + "\n"


def lines(calibration: Calibration, year: int) -> Iterator[str]:
    """Line by line; a text is written as JSON writes it, which TOML reads."""
    before, after = calibration.before, calibration.after
    yield "# Costs of one machine, measured by `cluster-sim calibrate`."
    yield "schema = 1"
    yield ""
    yield f"[source.{SOURCE}]"
    yield f"title = {json.dumps('cluster-sim calibrate on ' + before.text)}"
    yield f'year = "{year}"'
    yield f"address = {json.dumps(f'this machine; load {before.load_1m:.2f} before, {after.load_1m:.2f} after')}"
    for each in calibration.found:
        yield ""
        match each:
            case Refused(measure, reason):
                yield from (f"# {measure.cost}: refused, {line}" for line in reason.splitlines())
            case Measured(measure):
                note = f"{measure.text}; median of {each.rounds} rounds, {each.outliers} far out"
                yield f"[cost.{measure.cost}]"
                yield f"value = {each.value:.6g}"
                yield f"low = {min(each.low, each.value):.6g}"
                yield f"high = {max(each.high, each.value):.6g}"
                yield f'unit = "{measure.unit}"'
                yield f'source = "{SOURCE}"'
                yield 'confidence = "measured"'
                yield f"note = {json.dumps(note)}"
