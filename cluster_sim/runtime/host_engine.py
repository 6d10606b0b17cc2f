"""One simulated host: takes a window's submissions, runs its event loop, gives what ended."""

from collections.abc import Callable, Iterator

import numpy as np

from cluster_sim.engine.faults import POISON, FaultRecord, PlannedFault, inject, later_end
from cluster_sim.engine.guest_end import end_guest
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.host_state import TRANSFER, HostState, Int32s
from cluster_sim.engine.loop import ROWS_A_STEP, run_until, settle
from cluster_sim.engine.records import rows_of, with_more_rows
from cluster_sim.engine.state import ALIVE, FAR_NS, FREE, Arrivals, Host
from cluster_sim.engine.stream_sums import FIELD
from cluster_sim.engine.transfers import open_loops
from cluster_sim.integers import Int64s
from cluster_sim.moving import Moving
from cluster_sim.planning.host_plan import HostPlan
from cluster_sim.planning.placement import TO_THE_END
from cluster_sim.planning.planned_guest import PlannedGuest, PlannedStream
from cluster_sim.planning.queues import Sender
from cluster_sim.results.endings import DropReason
from cluster_sim.runtime.host_gauges import HostGauges

NONE_DONE: Records = np.zeros(0, TRANSFER)
NO_ARRIVALS = Arrivals(*(np.zeros(0, np.int64) for _ in Arrivals._fields))
ROWS_AT_FIRST = 256
BUSY_ROWS = 8192
"""Rows that a busy host has at least, so that what has ended is read out in large parts."""

Reader = Callable[[Records, Int32s], None]
"""Takes rows of a table of transfers, which are used again afterwards."""


class HostEngine:
    """A host's event loop and its state; advances a window at a time.

    Long, for what others may ask of it are many short questions.
    """

    now_ns: Moving[int]
    """Instant up to which it has run."""
    faults: Moving[list[FaultRecord]]
    """What wrong accesses came to, in the order in which they happened."""
    known_ended: Moving[set[int]]
    """Guests whose end has been taken note of."""
    messages: Moving[list[Records]]
    """What has set out for other hosts and was not taken."""
    state: Moving[HostState]
    came: Moving[int]
    """How many of `planned` have come."""

    def __init__(self, plan: HostPlan, busy_rows: int = BUSY_ROWS) -> None:
        self.plan = plan
        self.busy_rows = busy_rows
        self.now_ns = 0
        self.faults = []
        self.known_ended = set()
        self.messages = []
        self.keys: list[Int64s] = []
        self.heard: list[Records] = []
        self.reader: Reader | None = None
        """Who reads out transfers that have ended; without one they are given whole."""
        self.spec = plan.spec
        closed = plan.spec.streams["is_closed"] * plan.spec.streams["loops"]
        self.receiving = {
            sender: number for number, stream in enumerate(plan.streams) if (sender := stream.queue.sender) is not None
        }
        self.state = with_more_rows(plan.state, int(closed.sum()) + ROWS_AT_FIRST)
        open_loops(self.host)
        run_until(self.host, NO_ARRIVALS, 0)
        leaving = [
            (guest.placed.leaves_ns, number, None)
            for number, guest in enumerate(plan.guests)
            if guest.placed.leaves_ns != TO_THE_END
        ]
        faults = [(fault.spec.at, fault.guest, fault) for fault in plan.faults]
        self.planned: list[tuple[int, int, PlannedFault | None]] = sorted(
            [*faults, *leaving], key=lambda event: event[0]
        )
        self.came = 0

    def advance(self, arrivals: Arrivals, until_ns: int) -> Iterator[Records]:
        """Run all events before `until_ns`; the transfers (dtype TRANSFER) that ended, in the order of their ends."""
        at_ns = arrivals.at_ns
        assert until_ns >= self.now_ns
        if len(at_ns) == 0 and self.next_event_ns >= until_ns:
            self.now_ns = until_ns
            return
        assert len(at_ns) == 0 or self.now_ns <= at_ns[0] <= at_ns[-1] < until_ns
        while self.came < len(self.planned) and self.planned[self.came][0] < until_ns:
            when_ns, guest, fault = self.planned[self.came]
            self.came += 1
            first = int(np.searchsorted(at_ns, when_ns))
            yield from self._run(arrivals.rows(0, first), when_ns)
            arrivals = arrivals.rows(first, len(at_ns))
            at_ns = arrivals.at_ns
            if fault is None:
                self._leave(guest)
            else:
                self._inject(fault)
            yield from self._run(NO_ARRIVALS, when_ns)
        yield from self._run(arrivals, until_ns)

    def _run(self, arrivals: Arrivals, until_ns: int) -> Iterator[Records]:
        """Run all events before `until_ns`, and read out what ended; rows are added where reading frees too few."""
        while True:
            admitted = run_until(self.host, arrivals, until_ns)
            arrivals = arrivals.rows(admitted, len(arrivals.at_ns))
            starved, ended = bool(self.state.cursor["is_starved"][0]), int(self.state.cursor["done"][0])
            self._read_lists()
            done = self._read_done()
            self._note_ended()
            yield done
            if not starved:
                break
            if self._wants_rows(ended):
                self.state = with_more_rows(self.state, len(self.state.transfers))
        assert len(arrivals.at_ns) == 0
        self.now_ns = until_ns
        self.state.cursor["now_ns"] = until_ns

    def _wants_rows(self, freed: int) -> bool:
        """Whether rows are what was wanting: none is left, or so few that reading them out would take the time."""
        rows = len(self.state.transfers)
        if not self.spec.policy.keeps_rows:
            return int(self.state.cursor["free"][0]) < ROWS_A_STEP
        return rows < self.busy_rows or 2 * freed < rows

    def _inject(self, fault: PlannedFault) -> None:
        self.faults.append(inject(self.host, self.plan.protection, fault, self.now_ns))
        died = self.state.guests["died_ns"] == self.now_ns
        self.known_ended |= set(np.flatnonzero(died).tolist())

    def _leave(self, guest: int) -> None:
        """A guest goes: its transfers are dropped, its memory is no longer open to anybody."""
        if self.state.guests["died_ns"][guest] != ALIVE:
            return
        self.state.guests[:] = self.gauges().guests()
        self.state.guests["shared_pages"][guest] = self.state.guests["split"][guest] = 0
        end_guest(self.host, guest, 0, DropReason.GUEST_LEFT, self.now_ns)
        self.known_ended.add(guest)

    def _note_ended(self) -> None:
        """Keep a record of each guest that died of its own next use of what a fault had left."""
        for guest in np.flatnonzero(self.state.guests["died_ns"] != ALIVE).tolist():
            if guest not in self.known_ended:
                self.known_ended.add(guest)
                is_poisoned = any(fault.guest == guest and fault.outcome == POISON for fault in self.faults)
                self.faults.append(later_end(self.host, guest, is_machine_check=is_poisoned))

    def finish(self) -> Records:
        """End the run at the present instant: what is in flight comes out as unfinished."""
        settle(self.host, self.now_ns)
        self._read_lists()
        return self._read_done()

    @property
    def host(self) -> Host:
        """Definition and state, as compiled functions take them."""
        return Host(self.spec, self.state)

    @property
    def next_event_ns(self) -> int:
        """The instant of the next event that is known of, arrivals apart."""
        planned = self.planned[self.came][0] if self.came < len(self.planned) else FAR_NS
        return min(int(self.state.cursor["next_ns"][0]), planned)

    def take_messages(self) -> list[Records]:
        """What has set out for other hosts since it was last asked (dtype MESSAGE), in the order of its sending."""
        taken, self.messages = self.messages, []
        return taken

    def take_keys(self) -> list[Int64s]:
        """Latencies of what was delivered since it was last asked: stream × BUCKETS + bucket (engine.stream_sums)."""
        taken, self.keys = self.keys, []
        return taken

    def take_heard(self) -> list[Records]:
        """What software will be told of, since it was last asked (dtype HEARD), in the order of its ends."""
        taken, self.heard = self.heard, []
        return taken

    def take_latency_ns_max(self) -> Int64s:
        """The longest latency of each stream since it was last asked, 0 where nothing was delivered."""
        longest_ns = self.state.sums[:, FIELD["latency_ns_max"]]
        taken = longest_ns.copy()
        longest_ns[:] = 0
        return taken

    @property
    def state_bytes(self) -> int:
        """Bytes of its arrays."""
        return bytes_of(self.state)

    @property
    def in_flight(self) -> int:
        """Transfers that have not ended."""
        return len(self.state.transfers) - int(self.state.cursor["free"][0])

    @property
    def guests(self) -> tuple[PlannedGuest, ...]:
        """Guests that are ever on it."""
        return self.plan.guests

    @property
    def streams(self) -> tuple[PlannedStream, ...]:
        """Its streams, by number."""
        return self.plan.streams

    def stream_from(self, sender: Sender) -> int:
        """The stream that takes what a guest elsewhere sends."""
        return self.receiving[sender]

    def gauges(self) -> HostGauges:
        """What it answers of itself at the present instant."""
        return HostGauges(self.plan.guests, self.host, self.now_ns)

    def _read_lists(self) -> None:
        """Take what has set out (there is room for a message a row), latencies, and what software will be told."""
        cursor, state = self.state.cursor, self.state
        if count := int(cursor["messages"][0]):
            self.messages.append(state.messages[:count].copy())
        if count := int(cursor["keys"][0]):
            self.keys.append(state.keys[:count].copy())
        if count := int(cursor["heard"][0]):
            self.heard.append(state.heard[:count].copy())
        cursor["messages"] = cursor["keys"] = cursor["heard"] = 0

    def _read_done(self) -> Records:
        """Take what has ended; its rows are used again, the last first."""
        cursor, lists = self.state.cursor[0], self.state.lists
        count, free = int(cursor["done"]), int(cursor["free"])
        if count == 0:
            return NONE_DONE
        rows, done = lists.done[:count], NONE_DONE
        if self.reader is None:
            done = rows_of(self.state.transfers, rows)
        else:
            self.reader(self.state.transfers, rows)
        self.state.transfers["phase"][rows] = FREE
        lists.free[free : free + count] = rows
        cursor["free"] = free + count
        cursor["done"] = 0
        return done


def bytes_of(value: object) -> int:
    """Bytes of all arrays in a record of arrays and records."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(map(bytes_of, value)) if isinstance(value, tuple) else 0
