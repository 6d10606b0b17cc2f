"""A small run whose every name is an attack: its tables rewritten, its answer and question too."""

import shutil
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from cluster_sim import load, run
from cluster_sim.analysis.answers.answer import Answer, Doubt, Hypothesis, Verdict
from cluster_sim.results.manifest import Manifest
from cluster_sim.results.run_directory import read_manifest, write_manifest
from cluster_sim.results.storage import storage_of
from tests.main_job import MAIN_JOB

SETS = (
    "duration=300ms",
    "window=100ms",
    "replications=2",
    "axes.protection=[none, pkvm]",
    "exclude=[{io_path: direct, protection: pkvm}]",
    "cluster.hosts=1",
    "guests.raw.count_per_host=1",
    "guests.coded.count_per_host=1",
)
SCRIPT = "</script><script>window.owned=1</script>"
IMAGE = '"\'><img src=x onerror="window.owned=2">'
RIGHT_TO_LEFT = "\u202eمسار مشترك\u202c <b>"
LONG = "w" * 150 + " " + "W" * 149
TEMPLATE = "{{ 7*7 }}${7*7}\u2028&lt;i&gt;"
PROTOTYPE = "__proto__"
PATHS = {
    "swiotlb": SCRIPT,
    "convert-4k": LONG,
    "convert-2m": RIGHT_TO_LEFT,
    "pool-copy": IMAGE,
    "pool-zero": PROTOTYPE,
    "direct": TEMPLATE,
}
PROTECTIONS = {"none": "constructor", "pkvm": "<script>window.owned=3</script>"}
GROUPS = {"raw": "<svg onload=window.owned=4>", "coded": RIGHT_TO_LEFT}
AXES = {"protection": "prot<b>ection", "io_path": "io_path"}


def plain_run(folder: Path) -> Path:
    """A run of the shipped definition, as short as it can be."""
    finished = run(load(MAIN_JOB, SETS), folder, executor="inline")
    return finished.directory


def hostile_run(plain: Path, target: Path) -> Path:
    """The same run under other names."""
    manifest = read_manifest(storage_of(plain))
    variants = {}
    for name, record in manifest.variants.items():
        axes = {
            AXES["protection"]: PROTECTIONS[record.axes["protection"]],
            AXES["io_path"]: PATHS[record.axes["io_path"]],
        }
        variants[f"{name}{IMAGE}"] = record.model_copy(update={"axes": axes})
        for part in manifest.parts:
            if part.variant == name:
                rewrite(plain / part.path, target / part.path.replace(f"variant={name}/", f"variant={quoted(name)}/"))
    changed: dict[str, object] = {
        "experiment": f"name{SCRIPT}",
        "question": f"Which <i>path</i> {SCRIPT}{IMAGE}, {RIGHT_TO_LEFT}?",
        "definition": f"{IMAGE}.yaml",
        "status": "interrupted",
        "baseline": {AXES["io_path"]: SCRIPT},
        "variants": variants,
        "parts": (),
    }
    write_manifest(storage_of(target), Manifest.model_validate({**manifest.model_dump(), **plain_values(changed)}))
    return target


def plain_values(changed: dict[str, object]) -> dict[str, object]:
    """Records as what they are read from."""
    variants = changed["variants"]
    assert isinstance(variants, dict)
    return {**changed, "variants": {name: record.model_dump() for name, record in variants.items()}}


def quoted(variant: str) -> str:
    """A variant as a folder's name."""
    return quote(f"{variant}{IMAGE}", safe="")


def rewrite(source: Path, target: Path) -> None:
    """A table's part with other group names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    table = ds.dataset(source, format="parquet").to_table()
    index = table.schema.get_field_index("guest_group")
    if index < 0:
        shutil.copy(source, target)
        return
    names = [GROUPS[name] for name in table.column(index).cast(pa.string()).to_pylist()]
    column = pa.array(names, pa.string()).dictionary_encode().cast(table.schema.field(index).type)
    pq.write_table(table.set_column(index, table.schema.field(index), column), target)


def hostile_answer(question: str) -> Answer:
    """Sentences, sources and costs that would do harm in markup."""
    strata = [f"{AXES['protection']} {label}" for label in PROTECTIONS.values()]
    verdicts = [
        Verdict(stratum, group, f"{LONG} is best {SCRIPT}", LONG, (f"cost{IMAGE}",))
        for stratum in strata
        for group in GROUPS.values()
    ]
    standings = [
        Hypothesis("H1", f"A claim {IMAGE}", stratum, "refuted", f"No {SCRIPT}", (IMAGE, LONG)) for stratum in strata
    ]
    doubts = [Doubt(f"cost{SCRIPT}", 1.5, 1, 2e9, "us", IMAGE, overturns, LONG) for overturns in (True, False)]
    return Answer(
        question, f"{LONG} leads {SCRIPT}", tuple(verdicts), tuple(standings), tuple(doubts), (f"remark {IMAGE}",)
    )
