"""What a definition may say of memory and faults, and what cannot be together."""

from pathlib import Path

import pytest

from cluster_sim.planning.load_checked import load_checked
from cluster_sim.scenario.problems import DefinitionError

PKVM = ("protection=pkvm", "io_path=convert-4k")


def problems(*sets: str, base: tuple[str, ...] = PKVM) -> list[str]:
    """All that is wrong with cameras that upload under some replacements."""
    try:
        load_checked(Path("camera_upload"), [*base, *sets])
    except DefinitionError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "sets",
    [
        ("memory={generation: G0, discard: false}",),
        ("memory={generation: G4, huge_page: 1GiB, hvo: true}",),
        ("memory={backing: exclusive_pin, on_pin: wait}",),
        ("memory={pins: {lasts: forever, term: long, every: 10}, retry_after: 1ms}",),
        ("memory.placement=scattered",),
        ("faults=[{at: 1s, access: kernel_store, guest: camera, index: 3, host: 0, offset: 1GiB, length: 8KiB}]",),
    ],
)
def test_memory_may_be_chosen(sets: tuple[str, ...]) -> None:
    assert problems(*sets) == []


@pytest.mark.parametrize(
    ("sets", "field", "allowed"),
    [
        (("memory.generation=G5",), "memory.generation", "G0, G1, G2, G3 or G4"),
        (("memory.generation=G1",), "memory.generation", "G0, G3 or G4"),
        (("memory.huge_page=2MiB",), "memory.huge_page", "4KiB, or generation G4"),
        (("memory.huge_page=64KiB",), "memory.huge_page", "4KiB, 2MiB or 1GiB"),
        (("memory={generation: G4, huge_page: 2MiB}", "guests.camera.memory=4194300KiB"), "guests", "multiple of 2MiB"),
        (("memory.hvo=true",), "memory.hvo", "false, or a huge_page"),
        (("memory.retry_after=0",), "memory.retry_after", "more than 0"),
        (("memory={backing: exclusive_pin, generation: G4}",), "memory.generation", "no generations"),
        (("memory={backing: exclusive_pin, on_pin: defer}",), "memory.on_pin", "retry or wait"),
        (("memory={pins: {lasts: soon}}",), "memory.pins.lasts", "a duration"),
        (("memory={pins: {}}",), "memory.pins.lasts", "it is required"),
        (("memory={pins: {lasts: 1ms, every: 0}}",), "memory.pins.every", "1 or more"),
        (("faults=[{at: 99s, access: host_load, guest: camera}]",), "faults.0.at", "less than the duration"),
        (("faults=[{at: 1s, access: host_peek, guest: camera}]",), "faults.0.access", "host_load"),
        (("faults=[{at: 1s, access: pin, guest: camra}]",), "faults.0.guest", "did you mean camera?"),
        (("faults=[{at: 1s, access: pin, guest: camera, index: 99}]",), "faults.0.index", "less than"),
        (("faults=[{at: 1s, access: pin, guest: camera, host: 9}]",), "faults.0.host", "less than 1"),
        (
            ("faults=[{at: 1s, access: pin, guest: camera, offset: 1TiB}]",),
            "faults.0.offset",
            "inside the guest's memory",
        ),
        (("faults=[{at: 1s, access: pin, guest: camera, length: 0}]",), "faults.0.length", "4KiB or more"),
        (("faults=[{at: 1s, access: pin, guest: camera, offset: 5B}]",), "faults.0.offset", "multiple of 4KiB"),
    ],
)
def test_what_cannot_be_is_refused_with_field_and_choice(sets: tuple[str, ...], field: str, allowed: str) -> None:
    found = problems(*sets)
    assert found
    assert all(field in problem for problem in found), found
    assert any(allowed in problem for problem in found), found


@pytest.mark.parametrize(
    ("path", "allowed"), [("swiotlb", "the bounce pool is one region"), ("convert-2m", "a granule of 4KiB")]
)
def test_scattering_needs_a_path_that_can_be_scattered(path: str, allowed: str) -> None:
    (problem,) = problems("memory.placement=scattered", base=("protection=pkvm", f"io_path={path}"))
    assert "memory.placement" in problem
    assert allowed in problem
