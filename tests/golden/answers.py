"""A small answer by hand, with plain or with hostile names, and the rows and manifest that it belongs to."""

import math
from dataclasses import dataclass

from cluster_sim.analysis.answers.answer import Answer, Doubt, Hypothesis, Verdict
from cluster_sim.analysis.comparison import Row
from cluster_sim.analysis.paired import Ratio
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.results.manifest import Manifest, VariantRecord
from cluster_sim.results.storage import storage_of
from tests.unit.analysis.synthetic_runs import SyntheticRun


@dataclass(frozen=True)
class Names:
    """What a run may choose itself."""

    experiment: str = "films"
    question: str = "Which path keeps frames on time?"
    group: str = "raw"
    protection: str = "pkvm"
    path: str = "pool-zero"
    definition: str = "films.yaml"


HOSTILE = (
    "<script>alert(1)</script>",
    "quote\"s and 'quotes' and `ticks` and ``two``",
    "x" * 300,
    "a|b|c",
    "@maintainer see #12 and http://example.org or www.example.org, mailto:a@b.org",
    "[link](javascript:alert(1)) ![image](http://example.org/x.png)",
    "**bold** _under_ ~~gone~~ \\ back",
    "اسم \u202eright-to-left\u202c",
    "two\nlines\r\n\n# heading\n\n- list",
    "- dash first",
    "1. number first",
    "> quoted",
    "From here",
    "\x1b[31mred\x1b[0m\x00",
    "&lt;b&gt; &amp; &#60;",
    "<!-- comment",
    "-- ",
    "🎬 film",
    "",
)


def rows(names: Names) -> list[Row]:
    """Three paths of one group: a baseline, a best one, and one that delivers nothing."""
    base = {"throughput": 1920.0, "p50": 1046.5, "p99": 1046.5, "late": 0.0, "dropped": 0.0, "unfinished": 0.26}
    base |= {"guest CPU": 699.0, "host CPU": 347.0, "copies": 3.0, "exposure": 0.62, "held": 93.7}
    best = base | {"p50": 6.99, "p99": 6.99, "guest CPU": 4.7, "host CPU": 2.28, "copies": 0.0, "held": 40.0}
    none = dict.fromkeys(base, math.nan) | {"throughput": 0.0, "dropped": 100.0, "unfinished": 0.0, "p99": 305136.7}
    ratios = {"p50": Ratio(2.491, 2.31, 2.672, 3), "guest CPU": Ratio(0.00673, 0.00673, 0.00673, 3)}
    return [
        row(names, "swiotlb", base, {}, is_baseline=True),
        row(names, names.path, best, dict(ratios)),
        row(names, "convert-4k", none, {"p50": None, "guest CPU": None}),
    ]


def row(
    names: Names, path: str, figures: dict[str, float], ratios: dict[str, Ratio | None], *, is_baseline: bool = False
) -> Row:
    """One of them."""
    axes = {"protection": names.protection, "io_path": path}
    return Row(f"{names.protection}.{path}", axes, names.group, figures, ratios, is_baseline)


def manifest(names: Names) -> Manifest:
    """What was run."""
    variants = {
        each.variant: VariantRecord(axes=dict(each.axes), profile="p", duration_ns=10**10, scenario={})
        for each in rows(names)
    }
    return Manifest(
        experiment=names.experiment, question=names.question, definition=names.definition, seed=1, replications=3,
        baseline={"io_path": "swiotlb"}, variants=variants, profiles={"pkvm-zen4": {}},
        versions={"python": "3.11.7", "cluster-sim": "0.1.0"}, host={}, status="interrupted",
        frames_of={"pkvm.swiotlb/0": 2_096_640},
        fingerprint="480de55a166924ae6ccfbe78d584854c06d3075fc7d9b64053d8e986d5b9c1fa",
    )  # fmt: skip


def reading(names: Names) -> RunReading:
    """The run as if it had been read and compared."""
    found = RunReading(SyntheticRun(storage_of("nowhere"), made=manifest(names), rows=()))
    found.rows = rows(names)
    return found


def answer(names: Names) -> Answer:
    """All kinds of things that can be said."""
    stratum = f"protection {names.protection}"
    best = names.path
    return Answer(
        question=names.question,
        summary=f"{best} has the lowest median latency on {names.protection}, 2 times lower than swiotlb.",
        verdicts=(
            Verdict(stratum, names.group, f"{best} is best: median latency 4.5 µs, 2 times lower than swiotlb.", best),
            Verdict(stratum, "other", f"No difference shown between swiotlb and {best}.", None, ("pkvm.share_4k",)),
        ),
        hypotheses=(
            Hypothesis("H1", "Claim one.", stratum, "refuted", f"Refuted by {names.group}.", (f"{best}: 7.87 us",)),
            Hypothesis("H3", "Claim three.", "", "undecided", "Undecided: this run does not vary it.", ()),
        ),
        doubts=(
            Doubt("pkvm.share_4k", 2.5, 1.0, 8.0, "us", "no direct source", True, f"Estimated; at 8 us {best} loses."),
            Doubt("gmem.fault", 1.57, 1.2, 3.0, "us", f"by {names.group}", False, "Published; no order turns."),
        ),
        remarks=("This run is interrupted: only finished variants are counted.",),
    )  # fmt: skip
