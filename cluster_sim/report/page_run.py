"""How a run was made, for the page: definition, costs with sources and confidence, versions, fingerprint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cluster_sim.platform.profile import library
from cluster_sim.report.page_tables import PageTable, TableRow
from cluster_sim.results.manifest import Manifest

COST_HEADS = ("value", "range", "how it is known", "source", "formula", "note")


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """A profile: prices, and the costs that their formulas are made of."""

    caption: str
    notes: Sequence[str]
    prices: PageTable
    costs: PageTable


def facts(manifest: Manifest) -> str:
    """One line on the size and the state of a run."""
    repeated = "replication" if manifest.replications == 1 else "replications"
    return (
        f"{len(manifest.variants)} variants × {manifest.replications} {repeated}, {manifest.frames:,} transfers · "
        f"seed {manifest.seed} · {manifest.status} · fingerprint {manifest.fingerprint[:16] or 'none'}"
    )


def how(manifest: Manifest, directory: str) -> list[tuple[str, str]]:
    """Names and values."""
    baseline = ", ".join(f"{axis} {label}" for axis, label in manifest.baseline.items()) or "none"
    durations = sorted({record.duration_ns / 1e9 for record in manifest.variants.values()})
    return [
        ("definition", manifest.definition),
        ("run", directory),
        ("status", manifest.status),
        ("seed", str(manifest.seed)),
        ("replications", str(manifest.replications)),
        ("baseline", baseline),
        ("virtual time", ", ".join(f"{seconds:g} s" for seconds in durations)),
        ("transfers", f"{manifest.frames:,}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest.versions.items())),
        ("host", ", ".join(manifest.host.values())),
        ("fingerprint", manifest.fingerprint or "none: the run did not end"),
    ]


def flattened(value: JsonValue, path: str = "") -> Iterator[tuple[str, str]]:
    """A scenario's fields by their paths."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flattened(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from flattened(inner, f"{path}.{number}" if path else str(number))
    else:
        yield path, "none" if value in (None, [], {}) else str(value)


def definition_tables(manifest: Manifest) -> tuple[PageTable, PageTable]:
    """Fields that all variants share, and those that differ."""
    fields = {variant: dict(flattened(record.scenario)) for variant, record in manifest.variants.items()}
    paths = list(dict.fromkeys(path for each in fields.values() for path in each))
    common: list[str] = []
    differing: list[str] = []
    for path in paths:
        values = {each.get(path) for each in fields.values()}
        (common if len(values) == 1 else differing).append(path)
    first: Mapping[str, str] = next(iter(fields.values()), {})
    shared = [TableRow([path], [first[path]]) for path in common]
    rows = [
        TableRow([variant], [manifest.variants[variant].profile, *(each.get(path, "–") for path in differing)])
        for variant, each in fields.items()
    ]
    return (
        PageTable("Shared fields", ("field", "value"), shared, is_text=True),
        PageTable("Fields that differ", ("variant", "cost profile", *differing), rows, is_text=True),
    )


def profile_sections(manifest: Manifest) -> list[ProfileSection]:
    """All profiles with the provenance of each price and cost."""
    sections = []
    for name, profile in manifest.profiles.items():
        title, notes = text(profile.get("title")), profile.get("notes")
        sections.append(
            ProfileSection(
                f"{name}: {title}",
                [text(note) for note in notes] if isinstance(notes, list) else [],
                cost_table(f"Prices of {name}", "price", profile.get("prices")),
                cost_table(f"Costs behind the prices of {name}", "cost", profile.get("costs")),
            )
        )
    return sections


def cost_table(caption: str, kind: str, costs: JsonValue) -> PageTable:
    """Prices or costs, one a row."""
    rows = []
    for name, cost in costs.items() if isinstance(costs, dict) else ():
        if not isinstance(cost, dict):
            continue
        if "absent" in cost:
            rows.append(TableRow([name], ["none", "", "", "", "", text(cost["absent"])]))
            continue
        unit = text(cost.get("unit"))
        low, high = short(cost.get("low")), short(cost.get("high"))
        known = text(cost.get("confidence"))
        source, formula, note, of = (text(cost.get(field)) for field in ("source", "formula", "note", "stands_in"))
        told = "; ".join(each for each in (note, of and f"{of} stands in") if each)
        rows.append(
            TableRow([name], [f"{short(cost.get('value'))} {unit}", f"{low} to {high}", known, source, formula, told])
        )
    return PageTable(caption, (kind, *COST_HEADS), rows, is_text=True)


def source_table(manifest: Manifest) -> PageTable:
    """The sources that are cited, by key; one that this version does not know keeps its key alone."""
    keys: dict[str, None] = {}
    for profile in manifest.profiles.values():
        for kind in ("prices", "costs"):
            costs = profile.get(kind)
            for cost in costs.values() if isinstance(costs, dict) else ():
                if isinstance(cost, dict) and cost.get("source"):
                    keys[text(cost["source"])] = None
    known = library().sources
    rows = [
        TableRow([key], [known[key].title, known[key].year, known[key].address] if key in known else ["", "", ""])
        for key in sorted(keys)
    ]
    return PageTable("Sources", ("key", "title", "year", "where"), rows, is_text=True)


def text(value: JsonValue) -> str:
    """A value as text; nothing for none."""
    return "" if value is None else str(value)


def short(value: JsonValue) -> str:
    """A number as short as it can be, without an exponent below a million million."""
    return f"{value:,.12g}" if isinstance(value, int | float) else text(value)
