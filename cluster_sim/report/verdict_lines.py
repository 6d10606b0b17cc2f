"""The first words of a comparison in a terminal: question, sentence over all strata, a line for each stratum."""

from typing import Final

from rich.console import Group
from rich.text import Text

from cluster_sim.analysis.answers.run_answer import cases_of
from cluster_sim.analysis.answers.unbounced import unbounced
from cluster_sim.analysis.answers.verdicts import sentence_of
from cluster_sim.analysis.first_sentence.summary import summary
from cluster_sim.analysis.price_intervals.quick import quick_intervals
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.folded_table import literal_text

SAMPLES: Final = 20
"""Joint samples of the costs at which lone transfers are repriced for these words: few, for nobody is to wait."""


def verdict_lines(reading: RunReading, *, is_judged: bool = True) -> Group:
    """What a run says, before its tables; without verdicts where it is not `is_judged` by its own baseline.

    Price intervals are those of the reading, or else quick ones, of the pairs of paths that are named.
    """
    cases = cases_of(reading) if is_judged else []
    found = [literal_text(" ".join(reading.manifest.question.split()) + "\n", "bold")]
    if told := summary(cases):
        found.append(literal_text(f"{told}\n", "bold green"))
    found += [literal_text(f"Beware: {each}\n", "yellow") for each in unbounced(reading)]
    if not cases:
        return Group(*found)
    prices = reading.prices or quick_intervals(reading, SAMPLES)
    for case in cases_of(reading, prices):
        where = f"{case.stratum}, {case.group}" if case.stratum else case.group
        found.append(literal_text(f"{where}: {sentence_of(case.candidates)[0]}"))
    found.append(literal_text(prices.how, "dim"))
    return Group(*found, Text())
