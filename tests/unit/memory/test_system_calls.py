"""What the host's system calls on guest_memfd answer, rule by rule, by hand."""

import errno

import pytest

from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import DEFAULT_RULES
from cluster_sim.memory.system_calls.model import SystemCalls

PAGE = 4096
PAGES = 16
SIZE = PAGES * PAGE
MMAP, INIT_SHARED = 1, 2
READ, WRITE, EXEC = 1, 2, 4
KEEP, PUNCH = 1, 2
GMEM = 4
SHARED, PRIVATE, PLAIN = 0, 1, 2
"""File slots: one shared and mappable, one private and mappable, one that cannot be mapped."""


@pytest.fixture
def calls() -> SystemCalls:
    calls = SystemCalls(DEFAULT_RULES)
    for slot, flags in ((SHARED, MMAP | INIT_SHARED), (PRIVATE, MMAP), (PLAIN, 0)):
        assert calls.create(0, slot, SIZE, flags, 0, 0).outcome == 0
    for slot in (SHARED, PRIVATE):
        assert calls.mmap(slot, 0, 1, READ | WRITE, 0, SIZE).outcome == 0
    return calls


def made(size: int, flags: int = 3, *, reserved: int = 0, null: int = 0) -> int:
    return SystemCalls(DEFAULT_RULES).create(0, 0, size, flags, reserved, null).outcome


@pytest.mark.parametrize("size", [0, 1, PAGE - 1, PAGE + 1, -PAGE])
def test_c_1_a_size_that_is_no_whole_number_of_pages_is_refused(size: int) -> None:
    assert made(size) == errno.EINVAL


@pytest.mark.parametrize("size", [PAGE, 1 << 40, (1 << 63) - PAGE])
def test_c_2_any_other_size_is_fine(size: int) -> None:
    assert made(size) == 0


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_c_3_all_combinations_of_flags_work(flags: int) -> None:
    assert made(PAGE, flags) == 0


@pytest.mark.parametrize("flags", [4, 7, 1 << 63])
def test_c_4_an_unknown_flag_is_refused(flags: int) -> None:
    assert made(PAGE, flags) == errno.EINVAL


def test_c_5_reserved_words_are_not_looked_at() -> None:
    assert made(PAGE, reserved=1) == 0


def test_c_6_a_null_argument_is_refused() -> None:
    assert made(PAGE, null=1) == errno.EFAULT


def test_c_7_fstat_gives_the_size(calls: SystemCalls) -> None:
    assert calls.facts(PRIVATE)[:2] == (0, SIZE)


def test_c_8_it_cannot_be_opened_again(calls: SystemCalls) -> None:
    assert calls.reopen(SHARED).outcome == errno.ENXIO


def test_c_9_it_belongs_to_one_vm(calls: SystemCalls) -> None:
    assert calls.set_slot(1, 0, 0, 4, SHARED, 0, GMEM, 0).outcome == errno.EINVAL
    assert calls.set_slot(0, 0, 0, 4, SHARED, 0, GMEM, 0).outcome == 0


def test_c_10_a_mapping_keeps_the_file_and_a_slot_does_not(calls: SystemCalls) -> None:
    assert calls.set_slot(0, 0, 0, 4, SHARED, 0, GMEM, 0).outcome == 0
    calls.store(SHARED, 0, 3, 77)
    assert calls.close(SHARED).outcome == 0
    assert calls.load(SHARED, 0, 3)[:2] == (0, 77)
    assert calls.fallocate(SHARED, KEEP, 0, PAGE).outcome == errno.EBADF


def test_c_12_without_init_shared_all_is_private(calls: SystemCalls) -> None:
    assert [calls.load(PRIVATE, 0, page).outcome for page in range(PAGES)] == [Outcome.SIGBUS] * PAGES


def test_f_1_fallocate_allocates_and_does_not_zero(calls: SystemCalls) -> None:
    assert calls.fallocate(SHARED, KEEP, PAGE, 2 * PAGE).outcome == 0
    file = calls.files[SHARED]
    assert file is not None
    assert [file.memfd.page(page)[1:3] for page in range(4)] == [
        (False, False),
        (True, False),
        (True, False),
        (False, False),
    ]


def test_f_2_allocating_past_the_end_is_refused(calls: SystemCalls) -> None:
    assert calls.fallocate(SHARED, KEEP, SIZE - PAGE, 2 * PAGE).outcome == errno.EINVAL


@pytest.mark.parametrize("mode", [0, PUNCH, 0x08, 0x09, 0x10, 0x11, 0x20, 0x21, 0x40, 0x41, KEEP | PUNCH | 0x10])
def test_f_3_other_modes_are_not_supported(calls: SystemCalls, mode: int) -> None:
    assert calls.fallocate(SHARED, mode, 0, PAGE).outcome == errno.EOPNOTSUPP


@pytest.mark.parametrize(("offset", "length"), [(1, PAGE), (0, PAGE - 1), (0, 0), (-PAGE, PAGE), (0, -PAGE)])
@pytest.mark.parametrize("mode", [KEEP, KEEP | PUNCH])
def test_f_4_unaligned_and_empty_ranges_are_refused(calls: SystemCalls, mode: int, offset: int, length: int) -> None:
    assert calls.fallocate(SHARED, mode, offset, length).outcome == errno.EINVAL


@pytest.mark.parametrize(("offset", "length"), [(0, PAGE), (SIZE, PAGE), (SIZE - PAGE, 4 * PAGE), (1 << 40, PAGE)])
def test_f_5_holes_may_be_punched_anywhere(calls: SystemCalls, offset: int, length: int) -> None:
    assert calls.fallocate(SHARED, KEEP | PUNCH, offset, length).outcome == 0


def test_f_7_its_size_and_mode_are_fixed(calls: SystemCalls) -> None:
    assert {calls.resize(SHARED, size).outcome for size in (0, SIZE, 2 * SIZE)} == {errno.EINVAL}
    assert {calls.change(SHARED, what).outcome for what in (0, 1)} == {errno.EINVAL}


def test_f_8_it_is_no_stream(calls: SystemCalls) -> None:
    assert {calls.stream(SHARED, what).outcome for what in range(4)} == {errno.EINVAL}


def test_f_9_it_cannot_be_sought(calls: SystemCalls) -> None:
    assert {calls.seek(SHARED, what).outcome for what in range(4)} == {errno.ESPIPE}


def test_f_10_nothing_is_copied_in(calls: SystemCalls) -> None:
    assert calls.copy_in(SHARED).outcome == errno.EXDEV


def test_f_11_it_has_no_seals(calls: SystemCalls) -> None:
    assert {calls.seal(SHARED, what).outcome for what in (0, 1)} == {errno.EINVAL}


def test_f_12_unknown_ioctls_and_conversion_before_g3_are_unknown(calls: SystemCalls) -> None:
    assert calls.unknown_ioctl(SHARED).outcome == errno.ENOTTY
    assert calls.convert(SHARED, 0, PAGE, 1, 0).outcome == errno.ENOTTY


@pytest.mark.parametrize("is_long", [False, True])
def test_f_13_a_pinned_page_outlives_its_punch_with_its_data(calls: SystemCalls, *, is_long: bool) -> None:
    calls.store(SHARED, 0, 5, 77)
    taken = calls.register(SHARED, 0, 5, 1, 0) if is_long else calls.splice_pages(SHARED, 0, 5, 0)
    assert taken.outcome == 0
    assert "F-13" in calls.fallocate(SHARED, KEEP | PUNCH, 5 * PAGE, PAGE).rules
    assert calls.load(SHARED, 0, 5)[:2] == (0, 0), "the index has a new zero page"
    calls.store(SHARED, 0, 5, 78)
    assert calls.unpin(0)[:2] == (0, 0 if is_long else 77), "the pipe still has the old one"
    assert calls.load(SHARED, 0, 5).value == 78


@pytest.mark.parametrize(("slot", "outcome"), [(SHARED, 0), (PRIVATE, Outcome.SIGBUS)])
def test_f_14_punching_changes_no_attribute(calls: SystemCalls, slot: int, outcome: int) -> None:
    assert calls.fallocate(slot, KEEP | PUNCH, 0, SIZE).outcome == 0
    assert calls.load(slot, 0, 0).outcome == outcome


def test_f_16_private_pages_are_punched_too(calls: SystemCalls) -> None:
    calls.fallocate(PRIVATE, KEEP, 0, SIZE)
    assert "F-16" in calls.fallocate(PRIVATE, KEEP | PUNCH, 0, SIZE).rules
    file = calls.files[PRIVATE]
    assert file is not None
    assert not any(file.memfd.page(page).is_present for page in range(PAGES))


def test_p_1_a_file_without_the_flag_cannot_be_mapped(calls: SystemCalls) -> None:
    assert calls.mmap(PLAIN, 0, 1, READ, 0, SIZE).outcome == errno.ENODEV
    assert calls.create(0, 3, SIZE, INIT_SHARED, 0, 0).outcome == 0
    assert calls.mmap(3, 0, 1, READ, 0, SIZE).outcome == errno.ENODEV


@pytest.mark.parametrize("protection", [READ, READ | WRITE])
def test_p_2_a_private_mapping_is_refused(calls: SystemCalls, protection: int) -> None:
    assert calls.mmap(SHARED, 1, 2, protection, 0, SIZE).outcome == errno.EINVAL


def test_p_3_shared_mappings_work_but_not_synchronous_ones(calls: SystemCalls) -> None:
    assert calls.mmap(SHARED, 1, 1, READ | WRITE, 0, SIZE).outcome == 0
    assert calls.mmap(SHARED, 2, 3, READ | WRITE, 0, SIZE).outcome == 0
    assert calls.mmap(PRIVATE, 2, 3 | 0x80000, READ | WRITE, 0, SIZE).outcome == errno.EOPNOTSUPP


def test_p_4_nothing_is_executed_from_it(calls: SystemCalls) -> None:
    assert calls.mmap(SHARED, 1, 1, READ | EXEC, 0, SIZE).outcome == errno.EPERM
    assert calls.protect(SHARED, 0, READ | EXEC).outcome == errno.EACCES


def test_p_5_several_mappings_and_a_fork_see_one_memory(calls: SystemCalls) -> None:
    calls.mmap(SHARED, 1, 1, READ, 0, SIZE)
    calls.store(SHARED, 0, 2, 77)
    assert calls.fork().outcome == 0
    assert calls.load(SHARED, 3, 2)[:2] == (0, 77)
    assert calls.load(SHARED, 1, 2)[:2] == (0, 77)
    assert calls.presence()[:3] == [(SHARED, 0, 4), (SHARED, 1, 4), (SHARED, 3, 4)]
    assert calls.grow(SHARED, 0).outcome == 0
    assert calls.munmap(SHARED, 1).outcome == 0
    calls.exit_fork()
    assert [entry[:2] for entry in calls.presence()] == [(SHARED, 0), (PRIVATE, 0)]


def test_p_6_behind_the_end_there_is_nothing_to_touch(calls: SystemCalls) -> None:
    assert calls.mmap(SHARED, 1, 1, READ, 1, PAGE).outcome == errno.EINVAL
    assert calls.mmap(SHARED, 1, 1, READ, SIZE, PAGE).outcome == 0
    assert calls.load(SHARED, 1, 0).outcome == Outcome.SIGBUS
    assert calls.copy_from_user(SHARED, 1, 0).outcome == errno.EFAULT


def test_p_7_there_are_no_huge_mappings(calls: SystemCalls) -> None:
    assert calls.mmap(SHARED, 1, 1 | 0x40000, READ, 0, SIZE).outcome == errno.EINVAL


@pytest.mark.parametrize("flag", [0x8000, 0x2000])
def test_p_8_populating_never_fails(calls: SystemCalls, flag: int) -> None:
    for slot, mask in ((SHARED, (1 << PAGES) - 1), (PRIVATE, 0)):
        assert calls.mmap(slot, 1, 1 | flag, READ | WRITE, 0, SIZE).outcome == 0
        assert (slot, 1, mask) in calls.presence()


def test_p_9_one_entry_a_fault(calls: SystemCalls) -> None:
    calls.load(SHARED, 0, 7)
    assert calls.presence() == [(SHARED, 0, 1 << 7), (PRIVATE, 0, 0)]
    assert calls.mark_huge(SHARED, 0).outcome == 0
    assert calls.advise(SHARED, 0, 0, PAGES, "COLLAPSE", 0).outcome == errno.EINVAL


def both(calls: SystemCalls, name: str, *arguments: int | str) -> tuple[int, int]:
    """What a call answers on page 2 of the shared file's and of the private file's mapping."""
    shared, private = (getattr(calls, name)(slot, 0, 2, *arguments).outcome for slot in (SHARED, PRIVATE))
    return shared, private


def test_x_1_loads_and_stores(calls: SystemCalls) -> None:
    assert both(calls, "load") == (0, Outcome.SIGBUS)
    assert both(calls, "store", 77) == (0, Outcome.SIGBUS)


def test_x_2_copies_by_system_calls(calls: SystemCalls) -> None:
    assert both(calls, "copy_from_user") == (0, errno.EFAULT)
    assert both(calls, "copy_to_user", 77) == (0, errno.EFAULT)


def test_x_3_process_vm_readv(calls: SystemCalls) -> None:
    assert both(calls, "process_vm_read") == (0, errno.EFAULT)


def test_x_4_proc_mem(calls: SystemCalls) -> None:
    assert both(calls, "mem_read") == (0, errno.EIO)
    assert both(calls, "mem_write", 77) == (0, errno.EIO)


def test_x_5_references_through_gup(calls: SystemCalls) -> None:
    assert both(calls, "splice_pages", 0) == (0, errno.EBUSY), "the holder has its hands full"
    assert calls.splice_pages(PRIVATE, 0, 2, 1).outcome == errno.EFAULT


def test_x_6_long_term_pins_are_allowed(calls: SystemCalls) -> None:
    assert calls.register(SHARED, 0, 2, 3, 0).outcome == 0
    assert calls.register(PRIVATE, 0, 2, 3, 1).outcome == errno.EFAULT
    file = calls.files[SHARED]
    assert file is not None
    assert [file.memfd.page(page).long_pins for page in range(1, 6)] == [0, 1, 1, 1, 0]


def test_x_7_mlock_and_populate(calls: SystemCalls) -> None:
    assert both(calls, "lock", 2) == (0, errno.ENOMEM)
    assert both(calls, "advise", 2, "POPULATE_READ", 0) == (0, errno.EFAULT)
    assert both(calls, "advise", 2, "POPULATE_WRITE", 0) == (0, errno.EFAULT)


def test_x_8_mincore_finds_what_was_used(calls: SystemCalls) -> None:
    calls.load(SHARED, 0, 2)
    calls.fallocate(PRIVATE, KEEP, 0, SIZE)
    assert calls.residence(SHARED, 0, 2).value == 1
    assert calls.residence(SHARED, 0, 3).value == 0
    assert calls.residence(PRIVATE, 0, 2).value == 0


def test_x_9_dontneed_unmaps_and_keeps_content(calls: SystemCalls) -> None:
    calls.store(SHARED, 0, 2, 77)
    assert calls.advise(SHARED, 0, 2, 1, "DONTNEED", 0).outcome == 0
    assert calls.presence()[0] == (SHARED, 0, 0)
    assert calls.load(SHARED, 0, 2).value == 77
    assert calls.advise(SHARED, 0, 2, 1, "DONTNEED", 1).outcome == errno.EINVAL


def test_x_10_advice_without_effect(calls: SystemCalls) -> None:
    calls.store(SHARED, 0, 2, 77)
    assert both(calls, "advise", 1, "FREE", 0) == (errno.EINVAL, errno.EINVAL)
    for name in ("COLD", "PAGEOUT", "MERGEABLE"):
        assert both(calls, "advise", 1, name, 0) == (0, 0)
    assert calls.presence()[0] == (SHARED, 0, 4)


def test_x_11_remove_punches(calls: SystemCalls) -> None:
    calls.store(SHARED, 0, 2, 77)
    assert both(calls, "advise", 1, "REMOVE", 0) == (0, 0)
    assert calls.load(SHARED, 0, 2).value == 0
    assert calls.advise(SHARED, 0, 2, 1, "REMOVE", 1).outcome == errno.EINVAL


def test_x_12_a_read_only_mapping_is_not_written_through(calls: SystemCalls) -> None:
    calls.mmap(SHARED, 1, 1, READ, 0, SIZE)
    assert calls.store(SHARED, 1, 2, 77).outcome == Outcome.SIGSEGV
    assert calls.copy_to_user(SHARED, 1, 2, 77).outcome == errno.EFAULT
    assert calls.register(SHARED, 1, 2, 1, 0).outcome == errno.EFAULT
    assert calls.advise(SHARED, 1, 2, 1, "POPULATE_WRITE", 0).outcome == errno.EINVAL


@pytest.mark.parametrize("mode", [1, 2, 4])
def test_x_13_userfaultfd_registers_none(calls: SystemCalls, mode: int) -> None:
    assert calls.userfault(SHARED, 0, mode).outcome == errno.EINVAL


def test_x_14_mbind_is_accepted(calls: SystemCalls) -> None:
    assert calls.bind_memory(SHARED, 0).outcome == 0


def test_x_15_a_page_is_zeroed_once(calls: SystemCalls) -> None:
    assert "X-15" in calls.load(SHARED, 0, 2).rules
    calls.store(SHARED, 0, 2, 77)
    calls.advise(SHARED, 0, 2, 1, "DONTNEED", 0)
    again = calls.load(SHARED, 0, 2)
    assert again.value == 77
    assert "X-15" not in again.rules


def test_x_18_pages_never_show_as_blocks(calls: SystemCalls) -> None:
    calls.fallocate(SHARED, KEEP, 0, SIZE)
    assert calls.facts(SHARED).rules == ("C-7", "X-18")


def slot(calls: SystemCalls, file: int = SHARED, *, gpa: int = 0, pages: int = 4, offset: int = 0, **more: int) -> int:
    """Set memslot 0, or another, of VM 0."""
    number, flags, pad = more.get("number", 0), more.get("flags", GMEM), more.get("pad", 0)
    return calls.set_slot(0, number, gpa, pages, file, offset, flags, pad).outcome


def test_m_1_a_bad_descriptor(calls: SystemCalls) -> None:
    assert slot(calls, 4) == errno.EBADF
    assert slot(calls, 3) == errno.EBADF


def test_m_2_another_kind_of_file(calls: SystemCalls) -> None:
    assert slot(calls, 5) == errno.EINVAL


def test_m_3_a_file_of_another_vm(calls: SystemCalls) -> None:
    calls.create(1, 3, SIZE, 3, 0, 0)
    assert slot(calls, 3) == errno.EINVAL


@pytest.mark.parametrize("offset", [1, -PAGE, SIZE, SIZE - PAGE])
def test_m_4_an_offset_that_does_not_fit(calls: SystemCalls, offset: int) -> None:
    assert slot(calls, offset=offset) == errno.EINVAL


@pytest.mark.parametrize("flag", [1, 2])
def test_m_5_neither_dirty_log_nor_read_only(calls: SystemCalls, flag: int) -> None:
    assert slot(calls, flags=GMEM | flag) == errno.EINVAL


def test_m_6_a_range_has_one_slot(calls: SystemCalls) -> None:
    assert slot(calls) == 0
    assert slot(calls, number=1, gpa=64, offset=3 * PAGE) == errno.EINVAL
    assert slot(calls, number=1, gpa=64, offset=4 * PAGE) == 0


def test_m_7_a_slot_never_changes(calls: SystemCalls) -> None:
    assert slot(calls) == 0
    assert slot(calls) == errno.EINVAL
    assert slot(calls, gpa=64) == errno.EINVAL
    assert slot(calls, pages=0) == 0
    assert slot(calls, pages=0) == errno.EINVAL
    assert slot(calls, gpa=64) == 0


def test_m_8_guest_addresses_do_not_overlap(calls: SystemCalls) -> None:
    assert slot(calls) == 0
    assert slot(calls, number=1, gpa=3, offset=8 * PAGE) == errno.EEXIST


def test_m_12_the_old_call_does_not_know_the_flag(calls: SystemCalls) -> None:
    assert calls.old_region(0, 0).outcome == errno.EINVAL


def test_m_13_padding_is_not_looked_at(calls: SystemCalls) -> None:
    assert slot(calls, pad=1) == 0


def test_t_1_a_vm_without_private_memory_has_no_attributes(calls: SystemCalls) -> None:
    assert calls.vm_attributes(0, 0, 4).outcome == errno.ENOTTY
