"""Writes the README's answer from a run: `python docs/make_readme.py results/swiotlb_vs_zero_copy`.

The run is that of `make run`: the sentence over all strata that the command begins with, and for
each technology every path's median latency of raw frames beside swiotlb's.
"""

import sys
from pathlib import Path
from typing import Final

from cluster_sim import open_results
from cluster_sim.analysis.answers.candidates import Candidate
from cluster_sim.analysis.answers.criteria import MEDIAN
from cluster_sim.analysis.answers.phrases import measured
from cluster_sim.analysis.answers.run_answer import cases_of
from cluster_sim.analysis.answers.verdicts import beside_baseline
from cluster_sim.analysis.first_sentence.case import Case
from cluster_sim.analysis.first_sentence.summary import summary
from cluster_sim.analysis.price_intervals.quick import quick_intervals
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.platform.protection import PROTECTIONS
from cluster_sim.report.verdict_lines import SAMPLES

TARGET: Final = Path(__file__).parents[1] / "README.md"
COMMAND: Final = ".venv/bin/python docs/make_readme.py results/swiotlb_vs_zero_copy"
BEGIN: Final = "<!-- the answer, by docs/make_readme.py -->"
END: Final = "<!-- end of the answer -->"
GROUP: Final = "raw"
COPIERS: Final = {"cpu": "by CPU", "device": "by a device"}


def answer_of(run: Path) -> str:
    """The README's answer, as Markdown."""
    reading = RunReading(open_results(run))
    prices = quick_intervals(reading, SAMPLES)
    cases = cases_of(reading, prices)
    return "\n".join([f"> {summary(cases_of(reading))}", "", *table(cases), "", prices.how])


def table(cases: list[Case]) -> list[str]:
    """Median latencies of raw frames: a row a path, first those that a CPU's copies bring, a column a technology."""
    names = [name for name in PROTECTIONS if name != "none"]
    found: dict[str, list[str]] = {}
    for copier, who in COPIERS.items():
        for name in names:
            case = the_case(cases, name, copier)
            for one in case.candidates.members:
                found.setdefault(f"{one.label}, {who}", []).append(cell(case, one))
    head = " | ".join(PROTECTIONS[name].title for name in names)
    rows = [f"| {label} | {' | '.join(cells)} |" for label, cells in found.items()]
    return [f"| median latency of a raw frame | {head} |", f"|---{'|---' * len(names)}|", *rows]


def the_case(cases: list[Case], protection: str, copier: str) -> Case:
    """Raw frames on one technology, as one kind of copier brings them."""
    wanted = {"protection": protection, "io_path.copier": copier, "group": GROUP}
    (found,) = [case for case in cases if dict(case.labels) == wanted]
    return found


def cell(case: Case, one: Candidate) -> str:
    """A median with how far it is from the baseline's; what is not sustained has none."""
    if one.overload is not None:
        return "not sustained"
    value = measured(one.value(MEDIAN), MEDIAN.figure, case.candidates.work)
    return f"{value}{beside_baseline(case.candidates, one, MEDIAN)}"


def written(text: str, answer: str) -> str:
    """The README with another answer between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{answer}\n{END}{after}"


if __name__ == "__main__":
    TARGET.write_text(written(TARGET.read_text("utf-8"), answer_of(Path(sys.argv[1]))), "utf-8")
