"""Conversion, faults, attributes and generations, rule by rule, by hand."""

import pytest

from cluster_sim.memory.effects import Effect
from cluster_sim.memory.guest_memfd import Answer, GuestMemfd
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import (
    DEFAULT_RULES,
    FIRST_TAG,
    LOST,
    SECRET,
    VIEWS,
    Operation,
)
from cluster_sim.memory.system_calls.model import SystemCalls
from tests.oracles.invariants import rules_of

PAGE = 4096
TAG = FIRST_TAG + 5


def shared_file(pages: int = 8, *, technology: str = "pkvm", kernel: str = "G3") -> GuestMemfd:
    return GuestMemfd(pages, rules_of(technology, kernel), init_shared=True)


def private_file(pages: int = 8, *, technology: str = "pkvm", kernel: str = "G3") -> GuestMemfd:
    return GuestMemfd(pages, rules_of(technology, kernel), init_shared=False)


def attributes(file: GuestMemfd) -> str:
    """P or S for each page."""
    return "".join("P" if file.page(page).is_private else "S" for page in range(file.page_count))


def with_conversion() -> SystemCalls:
    """The host's calls on a kernel that converts; file 0 is all shared."""
    calls = SystemCalls(DEFAULT_RULES, has_conversion=True)
    calls.create(0, 0, 8 * PAGE, 3, 0, 0)
    return calls


@pytest.mark.parametrize(
    ("offset", "length", "flags"),
    [(0, 0, 0), (1, PAGE, 0), (0, PAGE + 1, 0), (0, PAGE, 1), (0, 9 * PAGE, 0), (-PAGE, PAGE, 0), (8 * PAGE, PAGE, 0)],
)
def test_v_1_impossible_ranges_are_refused(offset: int, length: int, flags: int) -> None:
    assert with_conversion().convert(0, offset, length, 1, flags).outcome == Outcome.EINVAL


def test_v_3_a_range_that_has_the_attribute_is_left_alone() -> None:
    file = shared_file()
    file.apply(Operation.HOST_TOUCH, 0, 8)
    file.apply(Operation.PIN_LONG, 0, 8)
    assert file.convert(0, 8, to_private=False) == Answer(Outcome.OK, 8, {})
    assert file.page(0).host_views == 1


def test_v_4_a_pin_refuses_the_whole_range_and_costs_the_mappings() -> None:
    file = shared_file()
    file.apply(Operation.HOST_WRITE, 0, 8, tag=TAG)
    file.apply(Operation.PIN_SHORT, 3, 1)
    file.apply(Operation.PIN_LONG, 5, 1)
    assert file.convert(0, 8, to_private=True) == Answer(Outcome.EAGAIN, 3, {Effect.HOST_UNMAPPED: 8})
    assert attributes(file) == "SSSSSSSS"
    assert [file.page(page).host_views for page in range(8)] == [0] * 8
    assert file.convert(0, 3, to_private=True).outcome == Outcome.OK, "pages beside the pin convert alone"
    file.apply(Operation.UNPIN_SHORT, 3, 1)
    assert file.convert(0, 8, to_private=True).stopped_at == 5
    file.apply(Operation.UNPIN_LONG, 5, 1)
    assert file.convert(0, 8, to_private=True).outcome == Outcome.OK
    assert attributes(file) == "PPPPPPPP"
    assert file.page(3).content == TAG


def test_v_4_the_system_call_names_the_byte_offset() -> None:
    calls = with_conversion()
    calls.mmap(0, 0, 1, 3, 0, 8 * PAGE)
    calls.register(0, 0, 5, 1, 0)
    assert calls.convert(0, 0, 8 * PAGE, 1, 0)[:2] == (Outcome.EAGAIN, 5 * PAGE)
    calls.unpin(0)
    assert calls.convert(0, 0, 8 * PAGE, 1, 0).outcome == Outcome.OK
    assert calls.load(0, 0, 5).outcome == Outcome.SIGBUS


def test_v_6_to_shared_asks_for_no_references() -> None:
    file = private_file()
    file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 8)
    assert file.convert(0, 8, to_private=False).outcome == Outcome.OK


def test_v_7_converting_allocates_nothing() -> None:
    file = private_file()
    assert file.convert(0, 8, to_private=False).effects == {Effect.CONVERTED: 8}
    assert not any(file.page(page).is_present for page in range(8))


def test_v_8_no_process_reaches_a_page_that_became_private() -> None:
    file = shared_file()
    file.apply(Operation.HOST_TOUCH, 0, 8, view=2)
    file.convert(2, 2, to_private=True)
    answers = [file.apply(Operation.HOST_READ, page, 1, view=2).outcome for page in range(5)]
    assert answers == [Outcome.OK, Outcome.OK, Outcome.EFAULT, Outcome.EFAULT, Outcome.OK]


def test_v_9_mappings_of_all_processes_go_and_refuse_nothing() -> None:
    file = shared_file(2)
    for view in range(VIEWS):
        file.apply(Operation.HOST_TOUCH, 0, 2, view=view)
    answer = file.convert(0, 2, to_private=True)
    assert (answer.outcome, answer.effects[Effect.HOST_UNMAPPED]) == (Outcome.OK, 2 * VIEWS)


@pytest.mark.parametrize("is_private", [False, True])
def test_v_10_a_punch_keeps_the_attribute_for_the_next_fault(*, is_private: bool) -> None:
    file = shared_file(2)
    file.apply(Operation.HOST_WRITE, 0, 2, tag=TAG)
    file.convert(0, 2, to_private=is_private)
    file.apply(Operation.PUNCH, 0, 2)
    assert attributes(file) == ("PP" if is_private else "SS")
    touch = Operation.GUEST_TOUCH_PRIVATE if is_private else Operation.GUEST_TOUCH_SHARED
    assert file.apply(touch, 0, 2).outcome == Outcome.OK
    assert file.page(0).content == 0


@pytest.mark.parametrize("to_private", [False, True])
def test_v_11_a_page_that_has_the_attribute_keeps_the_guests_mapping(*, to_private: bool) -> None:
    file = private_file(2, technology="tdx")
    file.apply(Operation.ACCEPT, 0, 2)
    file.convert(1, 1, to_private=False)
    file.apply(Operation.GUEST_TOUCH_SHARED, 1, 1)
    assert [file.page(page).is_guest_mapped for page in range(2)] == [True, True]
    assert file.convert(0, 2, to_private=to_private).effects[Effect.GUEST_ZAPPED] == 1
    assert [file.page(page).is_guest_mapped for page in range(2)] == [to_private, not to_private]


def test_v_13_without_the_kernels_switch_nobody_knows_the_call() -> None:
    calls = SystemCalls(DEFAULT_RULES, has_conversion=False)
    calls.create(0, 0, 8 * PAGE, 3, 0, 0)
    assert calls.convert(0, 0, 8 * PAGE, 1, 0).outcome == Outcome.ENOTTY
    assert with_conversion().convert(0, 0, 8 * PAGE, 1, 0).outcome == Outcome.OK


def test_v_14_in_place_memory_is_held_once_whichever_side_uses_it() -> None:
    for kernel, held in (("G3", [8, 8, 8]), ("G0-keep", [8, 16, 16])):
        file = private_file(kernel=kernel)
        found = []
        for to_private, touch in (
            (True, Operation.GUEST_TOUCH_PRIVATE),
            (False, Operation.HOST_WRITE),
            (True, Operation.GUEST_TOUCH_PRIVATE),
        ):
            file.convert(0, 8, to_private=to_private)
            file.apply(touch, 0, 8, tag=TAG)
            found.append(sum(file.page(page).is_present + file.page(page).has_twin for page in range(8)))
        assert found == held, kernel


@pytest.mark.parametrize(("is_private", "wrong"), [(True, "GUEST_TOUCH_SHARED"), (False, "GUEST_TOUCH_PRIVATE")])
def test_e_1_a_touch_of_the_wrong_type_exits(*, is_private: bool, wrong: str) -> None:
    file = private_file(1) if is_private else shared_file(1)
    assert file.apply(Operation[wrong], 0, 1).outcome == Outcome.MEMORY_FAULT_EXIT
    assert not file.page(0).is_present, "a refused touch allocates nothing"


def test_e_2_an_explicit_request_is_a_call_of_the_convert_path() -> None:
    from cluster_sim.io_paths.drivers import V4L2
    from cluster_sim.io_paths.path_context import PathContext
    from cluster_sim.io_paths.programs import program
    from cluster_sim.io_paths.steps import Direction
    from cluster_sim.platform.protection import PROTECTIONS
    from cluster_sim.scenario.memory_spec import MemorySpec
    from cluster_sim.scenario.path_spec import ConvertPath

    path = ConvertPath.model_validate({"kind": "convert", "granule": "4KiB"})
    context = PathContext(Direction.FROM_DEVICE, V4L2, PROTECTIONS["sev-snp"], MemorySpec())
    texts = [step.text for step in program(path, context).steps]
    assert texts.index("calls to share") < texts.index("exits to the VMM") < texts.index("calls to unshare")


@pytest.mark.parametrize("technology", ["pkvm", "tdx"])
def test_e_3_a_poisoned_page_fails_the_guests_fault(technology: str) -> None:
    file = private_file(technology=technology)
    file.apply(Operation.ACCEPT, 0, 8)
    file.apply(Operation.POISON, 2, 1)
    assert file.apply(Operation.GUEST_TOUCH_PRIVATE, 2, 1).outcome == Outcome.EHWPOISON


def test_e_5_the_guests_own_mapping_refuses_no_conversion() -> None:
    file = shared_file()
    file.apply(Operation.GUEST_TOUCH_SHARED, 0, 8)
    assert file.convert(0, 8, to_private=True).outcome == Outcome.OK


def test_x_16_nothing_moves_a_page_but_its_owner() -> None:
    file = shared_file()
    file.apply(Operation.HOST_WRITE, 0, 8, tag=TAG)
    before = file.words(0, 8).tolist()
    file.apply(Operation.PIN_SHORT, 3, 1)
    file.apply(Operation.UNPIN_SHORT, 3, 1)
    file.apply(Operation.EXPECT_CONTENT, 0, 8, tag=TAG)
    assert file.words(0, 8).tolist() == before


def test_x_17_failed_memory_leaves_the_page_tables_and_stays() -> None:
    file = shared_file()
    file.apply(Operation.HOST_TOUCH, 0, 8)
    file.apply(Operation.GUEST_TOUCH_SHARED, 0, 8)
    assert file.apply(Operation.POISON, 4, 1).effects == {Effect.HOST_UNMAPPED: 1, Effect.GUEST_ZAPPED: 1}
    page = file.page(4)
    assert (page.is_poisoned, page.is_present, page.host_views, page.is_guest_mapped) == (True, True, 0, False)
    assert file.apply(Operation.HOST_TOUCH, 4, 1).outcome == Outcome.EHWPOISON
    assert file.apply(Operation.PIN_LONG, 4, 1).outcome == Outcome.EFAULT
    file.apply(Operation.PUNCH, 4, 1)
    assert file.apply(Operation.HOST_TOUCH, 4, 1).outcome == Outcome.OK


def test_m_10_one_file_serves_shared_and_private_pages() -> None:
    file = private_file()
    file.convert(0, 4, to_private=False)
    assert file.apply(Operation.GUEST_TOUCH_SHARED, 0, 4).outcome == Outcome.OK
    assert file.apply(Operation.GUEST_TOUCH_PRIVATE, 4, 4).outcome == Outcome.OK


def test_m_14_leaves_are_aligned_in_guest_and_file_alike() -> None:
    file = private_file(1024, technology="sev-snp", kernel="G4-2MiB")
    file.apply(Operation.ACCEPT, 0, 1024)
    assert file.leaves(512) == 2
    assert [page for page in range(1024) if file.block(page, 512) & 1] == list(range(1024))


def test_t_3_a_guest_is_private_before_it_starts() -> None:
    assert attributes(private_file(kernel="G0-keep")) == "PPPPPPPP"
    assert attributes(shared_file(kernel="G0-keep")) == "SSSSSSSS"


def test_t_4_an_equal_attribute_is_left_alone() -> None:
    file = shared_file(kernel="G0-keep")
    file.apply(Operation.GUEST_TOUCH_SHARED, 0, 8)
    assert file.convert(0, 8, to_private=False).effects == {}
    assert file.convert(0, 8, to_private=True).effects[Effect.GUEST_ZAPPED] == 8


def test_t_5_a_huge_leaf_has_one_attribute() -> None:
    file = private_file(1024, technology="sev-snp", kernel="G4-2MiB")
    file.apply(Operation.ACCEPT, 0, 1024)
    file.convert(5, 1, to_private=False)
    assert file.leaves(512) == 1


def test_t_6_two_backings_hold_memory_twice_until_one_is_discarded() -> None:
    for kernel, held in (("G0-keep", 16), ("G0-discard", 8)):
        file = private_file(kernel=kernel)
        file.apply(Operation.GUEST_TOUCH_PRIVATE, 0, 8)
        file.convert(0, 8, to_private=False)
        file.apply(Operation.HOST_WRITE, 0, 8, tag=TAG)
        assert sum(file.page(page).is_present + file.page(page).has_twin for page in range(8)) == held
        file.convert(0, 8, to_private=True)
        assert file.page(0).content != TAG, "the other backing's data does not come along"
        assert file.apply(Operation.HOST_TOUCH, 0, 8).outcome == Outcome.OK, "the host reaches its own side"
        assert file.apply(Operation.PIN_LONG, 0, 8).outcome == Outcome.OK, "and may pin it"


def test_g_0_has_two_backings_that_no_pin_refuses() -> None:
    file = shared_file(kernel="G0-discard")
    file.apply(Operation.PIN_LONG, 0, 8)
    answer = file.convert(0, 8, to_private=True)
    assert answer.outcome == Outcome.OK
    assert answer.effects[Effect.ORPHANED] == 8


@pytest.mark.parametrize("kernel", ["G1", "G2"])
def test_g_1_a_file_is_shared_or_private_for_good(kernel: str) -> None:
    for file in (shared_file(kernel=kernel), private_file(kernel=kernel)):
        before = attributes(file)
        assert {file.convert(0, 8, to_private=flag).outcome for flag in (True, False)} == {Outcome.ENOTTY}
        assert attributes(file) == before


def test_g_2_is_g_1_for_a_host_of_one_node() -> None:
    assert rules_of("pkvm", "G2") == rules_of("pkvm", "G1")


def test_g_3_converts_in_place_at_4_kib() -> None:
    file = private_file()
    file.apply(Operation.GUEST_WRITE, 0, 8, tag=TAG)
    file.convert(3, 1, to_private=False)
    assert attributes(file) == "PPPSPPPP"
    assert file.page(3).content == TAG


def test_g_4_has_huge_pages() -> None:
    assert rules_of("tdx", "G4-2MiB").folio_pages == 512
    assert rules_of("tdx", "G4-1GiB").folio_pages == 512 * 512


def test_a_deferred_conversion_completes_at_the_last_put() -> None:
    file = shared_file(kernel="G3-defer")
    file.apply(Operation.HOST_WRITE, 0, 8, tag=TAG)
    for _ in range(2):
        file.apply(Operation.PIN_SHORT, 3, 1)
    answer = file.convert(0, 8, to_private=True)
    assert answer.outcome == Outcome.OK
    assert (answer.effects[Effect.CONVERTED], answer.effects[Effect.DEFERRED]) == (7, 1)
    assert attributes(file) == "PPPSPPPP"
    assert file.apply(Operation.HOST_TOUCH, 3, 1).outcome == Outcome.EFAULT, "no new access of the host"
    assert file.apply(Operation.PIN_SHORT, 3, 1).outcome == Outcome.EFAULT
    assert file.apply(Operation.GUEST_TOUCH_PRIVATE, 3, 1).outcome == Outcome.MEMORY_FAULT_EXIT
    assert file.apply(Operation.UNPIN_SHORT, 3, 1).effects == {}
    assert file.apply(Operation.UNPIN_SHORT, 3, 1).effects == {Effect.CONVERTED: 1}
    assert attributes(file) == "PPPPPPPP"
    assert file.page(3).content == TAG


def test_a_deferred_conversion_is_called_off_by_sharing_again() -> None:
    file = shared_file(kernel="G3-defer")
    file.apply(Operation.PIN_LONG, 3, 1)
    file.convert(0, 8, to_private=True)
    file.convert(0, 8, to_private=False)
    assert file.apply(Operation.HOST_TOUCH, 3, 1).outcome == Outcome.OK
    file.apply(Operation.UNPIN_LONG, 3, 1)
    assert attributes(file) == "SSSSSSSS"


def test_secrets_are_exposed_by_conversion_and_leaked_by_reading() -> None:
    for technology, exposed in (("pkvm", 8), ("sev-snp", 0), ("tdx", 0)):
        file = private_file(technology=technology)
        file.apply(Operation.ACCEPT, 0, 8)
        file.apply(Operation.GUEST_WRITE, 0, 8, tag=SECRET)
        assert file.convert(0, 8, to_private=False).effects.get(Effect.EXPOSED, 0) == exposed
        assert file.apply(Operation.HOST_TOUCH, 0, 8).effects.get(Effect.LEAKED, 0) == 0, "to write is not to read"
        assert file.apply(Operation.HOST_READ, 0, 8).effects.get(Effect.LEAKED, 0) == exposed
        assert file.apply(Operation.HOST_READ, 0, 8).effects == {}, "a secret leaks once"


@pytest.mark.parametrize(("technology", "content"), [("pkvm", TAG), ("sev-snp", LOST), ("tdx", 0), ("cca", LOST)])
def test_what_a_conversion_does_to_data(technology: str, content: int) -> None:
    file = private_file(technology=technology)
    file.apply(Operation.ACCEPT, 0, 8)
    file.apply(Operation.GUEST_WRITE, 0, 8, tag=TAG)
    lost = file.convert(0, 8, to_private=False).effects.get(Effect.CONTENT_LOST, 0)
    assert file.page(0).content == content
    assert lost == (0 if content == TAG else 8)


def test_so_many_pins_and_no_more() -> None:
    file = shared_file(1)
    for _ in range(63):
        assert file.apply(Operation.PIN_LONG, 0, 1).outcome == Outcome.OK
    assert file.apply(Operation.PIN_LONG, 0, 1).outcome == Outcome.ENOMEM
    assert file.apply(Operation.PIN_SHORT, 0, 1).outcome == Outcome.OK
    assert (file.page(0).short_pins, file.page(0).long_pins, file.page(0).pins) == (1, 63, 64)


def test_w_1_a_software_protected_vm_keeps_its_content() -> None:
    file = GuestMemfd(8, DEFAULT_RULES, init_shared=False)
    file.apply(Operation.GUEST_WRITE, 0, 8, tag=TAG)
    for to_private in (False, True):
        file.convert(0, 8, to_private=to_private)
        assert file.page(0).content == TAG
        assert not file.page(0).is_guest_mapped


def test_w_2_a_default_vm_is_shared_for_good() -> None:
    from cluster_sim.platform.protection import PROTECTIONS

    assert not PROTECTIONS["none"].has_private_memory
    calls = SystemCalls(DEFAULT_RULES)
    calls.create(0, 0, 8 * PAGE, 3, 0, 0)
    assert calls.convert(0, 0, PAGE, 1, 0).outcome == Outcome.ENOTTY
