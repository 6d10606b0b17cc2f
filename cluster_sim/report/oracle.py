"""An oracle's report for the terminal: what was replayed, which rules it met, what differs."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster_sim.kernel.capabilities import Capabilities
from cluster_sim.kernel.oracle import Difference, Observed, OracleReport, outcome_name
from cluster_sim.memory.rulebook import Rule, rules

CONVERSION_REPLAYED = "Conversion in place is replayed too: this kernel has it."
CONVERSION_NOT_REPLAYED = (
    "This kernel cannot convert memory in place (no GUEST_MEMFD_MEMORY_ATTRIBUTES): "
    "rules V, H and Q are covered by invariants and tests alone."
)


def kernel_line(capabilities: Capabilities) -> str:
    """The kernel that was asked."""
    found = ", ".join(f"{name}={value}" for name, value in capabilities.extensions.items())
    return f"Linux {capabilities.release} on {capabilities.machine}: {found}"


def report(found: OracleReport, capabilities: Capabilities, seconds: float) -> RenderableType:
    """All of it."""
    verdict = f"{found.calls:,} calls, seed {found.seed}, {seconds:.1f} s: {len(found.differences)} differences"
    missed = missed_rules(found)
    covered = f"{len(found.coverage.keys() & {rule.id for rule in host_rules()})} of {len(host_rules())}"
    lines: list[RenderableType] = [
        Text(kernel_line(capabilities)),
        Text(verdict, "bold"),
        Text(CONVERSION_REPLAYED if capabilities.has_conversion else CONVERSION_NOT_REPLAYED),
        coverage_table(found),
        Text(f"Rules met: {covered} that the host's side can try."),
    ]
    if found.left_out:
        lines.append(Text(f"Left out, because this machine refuses it: {'; '.join(found.left_out)}.", "yellow"))
    if missed:
        lines.append(Text(f"Not met: {', '.join(missed)}; more calls meet them.", "yellow"))
    lines += [difference_text(difference) for difference in found.differences]
    return Group(*lines)


def host_rules() -> list[Rule]:
    """Rules that a run must meet."""
    return [rule for rule in rules() if rule.status == "replayed"]


def missed_rules(found: OracleReport) -> list[str]:
    """Rules that no call met."""
    return [rule.id for rule in host_rules() if not found.coverage[rule.id]]


def coverage_table(found: OracleReport) -> Table:
    """How often each rule decided an answer, by section; rules that nobody can try here are named with their count."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("rules", no_wrap=True)
    table.add_column("times that the rule decided an answer, the same in model and kernel")
    table.add_column("not tried here")
    for title in dict.fromkeys(rule.title for rule in rules()):
        of_section = [rule for rule in rules() if rule.title == title]
        met = [rule for rule in of_section if rule.status == "replayed" or found.coverage[rule.id]]
        if not met:
            continue
        table.add_row(
            title,
            "  ".join(f"{rule.id}:{found.coverage[rule.id]:,}" for rule in met),
            " ".join(rule.id for rule in of_section if rule not in met) or "–",
        )
    return table


def difference_text(difference: Difference) -> Text:
    """The shortest failing sequence, and what each side said at its end."""
    text = Text("\nShortest sequence that differs:\n", "bold red")
    for number, (name, *arguments) in enumerate(difference.calls, 1):
        text.append(f"  {number}. {name}({', '.join(map(repr, arguments))})\n", "default")
    text.append(f"model:  {observed_text(difference.model)}\n", "default")
    text.append(f"kernel: {observed_text(difference.kernel)}", "default")
    return text


def observed_text(observed: Observed) -> str:
    """An answer in words; page-table entries as bits, the first page to the right."""
    outcome, value, presence = observed
    mappings = ", ".join(f"file {slot} view {view}: {mask:#b}" for slot, view, mask in presence)
    return f"{outcome_name(outcome)}, value {value}; mapped: {mappings or 'nothing'}"
