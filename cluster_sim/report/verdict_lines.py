"""The first words of a comparison in a terminal: question, sentence over all strata, a line for each stratum."""

from rich.console import Group
from rich.text import Text

from cluster_sim.analysis.answers.run_answer import cases_of
from cluster_sim.analysis.answers.summary import summary
from cluster_sim.analysis.answers.unbounced import unbounced
from cluster_sim.analysis.answers.verdicts import verdict_of
from cluster_sim.analysis.run_reading import RunReading
from cluster_sim.report.folded_table import literal_text


def verdict_lines(reading: RunReading, *, is_judged: bool = True) -> Group:
    """What a run says, before its tables; without verdicts where it is not `is_judged` by its own baseline."""
    cases = cases_of(reading) if is_judged else []
    found = [literal_text(" ".join(reading.manifest.question.split()) + "\n", "bold")]
    if told := summary(cases):
        found.append(literal_text(f"{told}\n", "bold green"))
    found += [literal_text(f"Beware: {each}\n", "yellow") for each in unbounced(reading)]
    for case in cases:
        where = f"{case.stratum}, {case.group}" if case.stratum else case.group
        found.append(literal_text(f"{where}: {verdict_of(case.candidates).sentence}"))
    return Group(*found, Text()) if cases else Group(*found)
