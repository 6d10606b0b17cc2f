"""The answer of a run as JSON, verdicts, ratios with both intervals, doubts. Keys last as long as a format."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from pydantic import JsonValue

from cluster_sim.analysis.answers.answer import Answer
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.figures import FIGURES
from cluster_sim.analysis.paired import Ratio
from cluster_sim.analysis.price_intervals.interval import PriceInterval
from cluster_sim.analysis.run_reading import RunReading

FORMAT: Final = 1
"""Grows when a key goes or means something else; new keys leave it as it is."""


def report_json(reading: RunReading, answer: Answer) -> str:
    """All of it; what is undefined or without bound is null."""
    manifest, prices = reading.manifest, reading.prices
    told: dict[str, JsonValue] = {
        "format": FORMAT,
        "experiment": manifest.experiment,
        "question": answer.question,
        "run": reading.results.directory.name,
        "status": manifest.status,
        "seed": manifest.seed,
        "replications": manifest.replications,
        "fingerprint": manifest.fingerprint,
        "versions": dict(manifest.versions),
        "baseline": dict(reading.baseline),
        "prices": None
        if prices is None
        else {"samples": prices.samples, "is_quick": prices.is_quick, "how": prices.how},
        "summary": answer.summary,
        "verdicts": [
            {
                "stratum": each.stratum,
                "guest_group": each.group,
                "sentence": each.sentence,
                "best": each.best,
                "details": list(each.details),
                "rests_on": list(each.rests_on),
            }
            for each in answer.verdicts
        ],
        "units": {figure.name: figure.unit for figure in FIGURES},
        "rows": [row_json(row) for row in reading.rows],
        "doubts": [plain(asdict(each)) for each in answer.doubts],
        "wider_doubts": [plain(asdict(each)) for each in answer.wider_doubts],
        "hypotheses": [plain(asdict(each)) for each in answer.hypotheses],
        "assumed": [plain(asdict(each)) for each in answer.assumed],
        "remarks": list(answer.remarks),
    }
    return json.dumps(told, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def row_json(row: Row) -> JsonValue:
    """A variant's guest group: its figures, and ratios to its baseline with both intervals."""
    ratios: dict[str, JsonValue] = {}
    for name, ratio in row.ratios.items():
        if ratio is not None and not row.is_baseline:
            ratios[name] = {
                "ratio": finite(ratio.mean),
                "sampling": sampling_json(ratio),
                "prices": prices_json(row.prices.get(name)),
            }
    return {
        "variant": row.variant,
        "axes": dict(row.axes),
        "guest_group": row.group,
        "baseline": row.compared_with,
        "replications": row.replications,
        "figures": {name: finite(value) for name, value in row.figures.items()},
        "ratios": ratios,
    }


def sampling_json(ratio: Ratio) -> JsonValue:
    """The interval over replications; null where there were too few."""
    if not ratio.has_interval:
        return None
    return {
        "low": finite(ratio.low),
        "high": finite(ratio.high),
        "replications": ratio.replications,
        "method": ratio.method,
        "is_deterministic": ratio.is_deterministic,
    }


def prices_json(found: PriceInterval | None) -> JsonValue:
    """The interval over the costs' ranges; an end at which a side delivers nothing is null."""
    if found is None:
        return None
    return {
        "low": finite(found.low) if found.low > 0 else None,
        "high": finite(found.high),
        "samples": found.samples,
        "is_quick": found.is_quick,
        "lost": found.lost,
        "rival_lost": found.rival_lost,
    }


def plain(fields: Mapping[str, object]) -> JsonValue:
    """A record as JSON has it."""
    found: dict[str, JsonValue] = {}
    for name, value in fields.items():
        if isinstance(value, float):
            found[name] = finite(value)
        elif isinstance(value, (list, tuple)):
            found[name] = [str(each) for each in value]
        else:
            found[name] = value if isinstance(value, (bool, int, str)) or value is None else str(value)
    return found


def finite(value: float) -> float | None:
    """A number as JSON has it."""
    return value if math.isfinite(value) else None
