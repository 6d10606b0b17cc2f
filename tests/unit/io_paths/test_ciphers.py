"""The guest's own cipher on every path, by hand: one pass over private data, and a price a sector or record."""

import pytest

from cluster_sim.results.ledger import Category
from tests.unit.hand_prices import CIPHER, CIPHER_PASS, CIPHER_REQUEST, TECHNOLOGIES
from tests.unit.lone_host import RAW_1080P, Values, one_frame, scenario

SECTORS = -(-RAW_1080P // 512)
PATHS: tuple[Values, ...] = (
    {"kind": "swiotlb", "mapping": "per_transfer"},
    {"kind": "swiotlb", "mapping": "long_lived"},
    {"kind": "convert", "granule": "4KiB"},
    {"kind": "convert", "granule": "2MiB", "consume": "in_place"},
    {"kind": "convert", "granule": "2MiB", "keep": "forever"},
)


@pytest.mark.parametrize("protection", TECHNOLOGIES)
@pytest.mark.parametrize("direction", ["from_device", "to_device"])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: "-".join(str(each) for each in path.values()))
def test_a_cipher_is_a_pass_of_its_own_over_private_memory(protection: str, direction: str, path: Values) -> None:
    way = int(direction == "to_device")
    plain, ciphered = (
        one_frame(scenario(protection, path | {"crypto": crypto}, direction=direction), RAW_1080P, way)
        for crypto in (False, True)
    )
    assert ciphered["ledger"][Category.CRYPTO] == CIPHER
    assert ciphered["ended_ns"] - plain["ended_ns"] == CIPHER
    assert ciphered["cpu_ns"][0] - plain["cpu_ns"][0] == CIPHER


def test_direct_enciphers_in_the_guests_own_buffer() -> None:
    plain, ciphered = (
        one_frame(scenario("none", {"kind": "direct", "crypto": crypto}), RAW_1080P) for crypto in (False, True)
    )
    assert ciphered["ended_ns"] - plain["ended_ns"] == CIPHER


@pytest.mark.parametrize(("unit", "requests"), [("512B", SECTORS), ("4KiB", 760), ("16KiB", 190)])
def test_each_sector_or_record_is_a_request_to_the_cipher(unit: str, requests: int) -> None:
    path: Values = {"kind": "shared_pool", "copy": "consumer", "crypto": True, "crypto_unit": unit}
    frame = one_frame(scenario("pkvm", path), RAW_1080P)
    assert frame["ledger"][Category.CRYPTO] == CIPHER_PASS + requests * CIPHER_REQUEST
    assert frame["ledger"][Category.GUEST_COPY] == 0, "in a shared pool the cipher makes the copy"


def test_a_disk_is_enciphered_by_sectors_of_512_bytes() -> None:
    guest: Values = {"workloads": [{"kind": "block", "bs": "4KiB", "rate_iops": 1}]}
    spec = scenario("none", {"kind": "direct", "crypto": True}, guest=guest)
    assert one_frame(spec, 4096)["ledger"][Category.CRYPTO] == 4095 * 299_593 // (1 << 20) + 8 * CIPHER_REQUEST
