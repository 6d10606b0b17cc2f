"""hypothesis drives model and kernel side by side, and shortens what differs by itself."""

import faulthandler

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cluster_sim.kernel.capabilities import Capabilities
from cluster_sim.kernel.real import RealCalls
from cluster_sim.memory.outcomes import Outcome
from cluster_sim.memory.pages import DEFAULT_RULES, FIRST_TAG
from cluster_sim.memory.system_calls.model import SystemCalls

PAGE = 4096
PAGES = 8
files = st.integers(0, 1)
pages = st.integers(0, PAGES - 1)
views = st.integers(0, 1)
holders = st.integers(0, 2)
tags = st.integers(FIRST_TAG, FIRST_TAG + 50)


@pytest.fixture(autouse=True)
def _asks_the_kernel(capabilities: Capabilities) -> None:
    """Skip all of these where the kernel cannot be asked."""
    del capabilities
    faulthandler.disable()  # what dies of a signal is a process of the test's own making


class GuestMemfdMachine(RuleBasedStateMachine):
    """A shared and a private file, two mappings each, on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.real = SystemCalls(DEFAULT_RULES), RealCalls()
        for slot, flags in enumerate((3, 1)):
            self.both("create", 0, slot, PAGES * PAGE, flags, 0, 0)
            self.both("mmap", slot, 0, 1, 3, 0, PAGES * PAGE)

    def both(self, name: str, *arguments: int | str) -> int:
        """The same call on both; they must answer alike."""
        expected = getattr(self.model, name)(*arguments)
        assert getattr(self.real, name)(*arguments) == (expected.outcome, expected.value), (name, arguments)
        return int(expected.outcome)

    @rule(file=files, view=views, first=st.sampled_from((0, 1)))
    def map_again(self, file: int, view: int, first: int) -> None:
        self.both("mmap", file, view, 1, 3, first * PAGE, (PAGES - first) * PAGE)

    @rule(file=files)
    def unmap(self, file: int) -> None:
        self.both("munmap", file, 1)

    @rule(file=files, view=views, page=pages)
    def load(self, file: int, view: int, page: int) -> None:
        self.both("load", file, view, page)

    @rule(file=files, view=views, page=pages, tag=tags)
    def store(self, file: int, view: int, page: int, tag: int) -> None:
        self.both("store", file, view, page, tag)

    @rule(file=files, page=pages, tag=tags, name=st.sampled_from(("copy_to_user", "mem_write")))
    def copy_to(self, file: int, page: int, tag: int, name: str) -> None:
        self.both(name, file, 0, page, tag)

    @rule(file=files, page=pages, name=st.sampled_from(("copy_from_user", "mem_read", "process_vm_read")))
    def copy_from(self, file: int, page: int, name: str) -> None:
        self.both(name, file, 0, page)

    @rule(file=files, mode=st.sampled_from((1, 3, 0, 2)), first=pages, count=st.integers(0, PAGES + 2))
    def fallocate(self, file: int, mode: int, first: int, count: int) -> None:
        self.both("fallocate", file, mode, first * PAGE, count * PAGE)

    @rule(file=files, page=pages, name=st.sampled_from(("DONTNEED", "REMOVE", "POPULATE_READ", "FREE", "COLD")))
    def advise(self, file: int, page: int, name: str) -> None:
        self.both("advise", file, 0, page, 1, name, 0)

    @rule(file=files, page=pages, holder=holders)
    def take_reference(self, file: int, page: int, holder: int) -> None:
        self.both("splice_pages", file, 0, page, holder)

    @precondition(lambda self: any(pin is not None for pin in self.model.pins))
    @rule(holder=holders)
    def give_reference_back(self, holder: int) -> None:
        self.both("unpin", holder)

    @rule(file=files, page=pages)
    def lock(self, file: int, page: int) -> None:
        self.both("lock", file, 0, page, 1)

    @rule(private=st.booleans(), page=pages)
    def convert(self, page: int, *, private: bool) -> None:
        if self.both("convert", 0, page * PAGE, PAGE, int(private), 0) == Outcome.ENOTTY:
            assert not self.model.has_conversion

    @invariant()
    def maps_the_same_pages(self) -> None:
        assert self.real.presence() == self.model.presence()

    def teardown(self) -> None:
        self.real.shut()


TestGuestMemfdMachine = GuestMemfdMachine.TestCase
TestGuestMemfdMachine.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
