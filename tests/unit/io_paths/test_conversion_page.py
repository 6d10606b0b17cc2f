"""docs/conversion.md: what a frame costs by kernel and monitor is what the model says."""

import re
from pathlib import Path

import pytest

from tests.unit.lone_host import RAW_1080P, Values, one_frame, scenario

ROWS = re.findall(
    r"^\| (pKVM|SNP|TDX|CCA|CCA, RMM 2\.0) \|((?: [\d,]+ \|){8})$",
    Path("docs/conversion.md").read_text("utf-8"),
    re.MULTILINE,
)
PROTECTIONS = {"pKVM": "pkvm", "SNP": "sev-snp", "TDX": "tdx", "CCA": "cca", "CCA, RMM 2.0": "cca"}
G4: Values = {"generation": "G4", "huge_page": "2MiB"}
CACHE: Values = {"llc": "32MiB"}
LAZY: Values = {"host_faults": "lazy", "guest_faults": "lazy"}
AHEAD: Values = {"host_faults": "populate", "guest_faults": "prefault"}


def test_the_page_has_a_row_for_each_technology() -> None:
    assert [name for name, _ in ROWS] == list(PROTECTIONS)


@pytest.mark.parametrize(("name", "told"), ROWS, ids=[name for name, _ in ROWS])
def test_a_row_is_what_the_model_says(name: str, told: str) -> None:
    rmm: Values = {"rmm": 2} if "RMM" in name else {}
    convert: Values = {"kind": "convert", "granule": "2MiB", **rmm}
    asked: list[tuple[Values, Values | None, Values | None]] = [
        (convert, None, LAZY),
        (convert, None, AHEAD),
        (convert, G4, LAZY),
        (convert, G4, AHEAD),
        (convert, G4 | {"split": "mixed"}, AHEAD),
        ({"kind": "swiotlb", "mapping": "per_transfer"}, None, None),
        ({"kind": "swiotlb", "mapping": "long_lived"}, None, None),
        ({"kind": "shared_pool", "copy": "producer"}, None, None),
    ]
    found = []
    for path, memory, host in asked:
        row = one_frame(scenario(PROTECTIONS[name], path, memory=memory, host=CACHE | (host or {})), RAW_1080P)
        found.append(round(row["ledger"].sum() / 1_000))
    assert [int(each.replace(",", "")) for each in re.findall(r"[\d,]+", told)] == found
