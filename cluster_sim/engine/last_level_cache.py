"""The host's last-level cache: how much of a memory is still there when a CPU comes back to it.

A line stays in a cache with LRU replacement as long as fewer bytes than the cache holds have been touched since. So the
loop keeps, for each end of a buffer's copies, when a CPU touched it last, and how many bytes were touched last at which
time. Time counts the bytes that come to the front, in steps of a 16th of the cache. What lies in front of a memory is
its reuse distance; the share of its lines that are found by that is tabulated once (`found_by_distance`).

Bounce slots are taken in turn: those of a mapping were last touched when the search came by before. So each stretch of
slot sets keeps the time of its last touch in this round and in the round before.
"""

from math import exp
from typing import Final

import numpy as np

from cluster_sim.compiling.decorators import compiled, inlined
from cluster_sim.compiling.records import Field, record_of
from cluster_sim.engine.host_spec import Records
from cluster_sim.engine.state import Host
from cluster_sim.integers import Int64s
from cluster_sim.io_paths.steps import End
from cluster_sim.memory.swiotlb import SLOTS_PER_SET, TRANSIENT

WAYS: Final = 16
"""Of each set of the cache: Zen 3 and Zen 4 (CPUID leaf 0x8000001D); Intel's servers have 11 to 15."""
SHARE_BITS: Final = 10
ALL: Final = 1 << SHARE_BITS
"""All of something; shares are counted in 1,024ths of it."""
STEPS_A_CACHE: Final = 64
CACHES: Final = 2
"""Distance from which nothing is found, in caches."""
EPOCHS: Final = 64
EPOCHS_A_CACHE: Final = 16
SCALE_BITS: Final = 34
SET_BITS: Final = SLOTS_PER_SET.bit_length() - 1
NEVER: Final = 0
NO_END: Final = -1

CACHE_FIELDS: Final = (
    Field("newest", "", "epoch in which what is touched now is counted"),
    Field("moved_bytes", "B", "bytes that came to the front in it"),
    Field("held_bytes", "B", "bytes that were touched last in each epoch", (EPOCHS,)),
    Field("found", "1/1024", "share of what was touched last in each epoch that is still there", (EPOCHS,)),
    Field("known", "1", "epochs back from the newest of which that has been worked out"),
    Field("known_bytes", "B", "what was touched last in these"),
    Field("gone", "", "epoch up to which nothing is there any more"),
)
CACHE: Final = record_of(CACHE_FIELDS)

SLOT_SET_FIELDS: Final = (
    Field("touched", "", "epoch of the last touch of its slots, or NEVER"),
    Field("touched_before", "", "the same when the search for slots came by the last time"),
    Field("mapped_up_to", "", "slot at which the last mapping in it began"),
)
SLOT_SET: Final = record_of(SLOT_SET_FIELDS)
"""A slot set of a bounce pool; the first of a stretch of them speaks for all."""
STRETCHES: Final = 16
"""At least so many an area, where it has so many slot sets."""


def found_by_distance() -> Int64s:
    """Of lines whose reuse distance is so many 64ths of the cache, how many are found, in 1,024ths.

    Addresses spread over the sets by chance. A line is still there if fewer others than there are ways fell into its
    set, where as many are expected as the ways times the distance in caches (Poisson).
    """
    table = np.zeros(CACHES * STEPS_A_CACHE + 2, np.int64)
    for step in range(CACHES * STEPS_A_CACHE):
        expected = WAYS * step / STEPS_A_CACHE
        term = share = exp(-expected)
        for others in range(1, WAYS):
            term *= expected / others
            share += term
        table[step] = round(ALL * share)
    return table


def empty_cache() -> Records:
    """A cache in which nothing lies."""
    cache = np.zeros(1, CACHE)
    cache["newest"] = NEVER + 1
    cache["gone"] = NEVER
    return cache


@inlined
def epoch_at(newest: int, touched: int) -> int:
    """Where an epoch is kept; those that were long ago are kept as one."""
    return max(touched, newest - EPOCHS + 1) & (EPOCHS - 1)


@compiled
def touch(host: Host, buffer: int, end: int, touched_bytes: int) -> int:
    """A CPU reads or writes one end of a buffer; the share that it finds in the cache, in 1,024ths."""
    cache = host.state.cache[0]
    newest = cache.newest
    cache.held_bytes[newest & (EPOCHS - 1)] += touched_bytes
    if end == NO_END:
        cache.moved_bytes += touched_bytes
        return 0
    state = host.state.buffers[buffer]
    touched, had_bytes = state.touched[end], state.cached_bytes[end]
    state.touched[end] = newest
    state.cached_bytes[end] = touched_bytes
    found = 0
    if touched != newest:
        cache.moved_bytes += touched_bytes
    if touched != NEVER:
        found = found_of(host, touched)
        at = epoch_at(newest, touched)
        cache.held_bytes[at] = max(cache.held_bytes[at] - had_bytes, 0)
        if had_bytes < touched_bytes:
            found = found * had_bytes // touched_bytes
    return int(found)


@compiled
def drop_lines(host: Host, buffer: int, end: int) -> None:
    """DMA has read or written one end of a buffer: nothing of it is in the cache."""
    if end == NO_END:
        return
    cache, state = host.state.cache[0], host.state.buffers[buffer]
    if state.touched[end] != NEVER:
        at = epoch_at(cache.newest, state.touched[end])
        cache.held_bytes[at] = max(cache.held_bytes[at] - state.cached_bytes[end], 0)
    state.touched[end] = NEVER
    state.dirty[end] = 0


@compiled
def pass_cache(host: Host, passed_bytes: int) -> None:
    """A CPU touches memory that no copy comes back to."""
    if host.spec.policy.llc_bytes > 0:
        touch(host, 0, NO_END, passed_bytes)
        keep_time(host)


@compiled
def use_end(host: Host, transfer: int, reads: int, writes: int) -> None:
    """A CPU reads or writes the transfer's data where it lies, without copying it."""
    if host.spec.policy.llc_bytes == 0:
        return
    row = host.state.transfers[transfer]
    state = host.state.buffers[row.buffer]
    if reads != NO_END:
        state.dirty[reads] = state.dirty[reads] * touch(host, row.buffer, reads, row.bytes) >> SHARE_BITS
    if writes != NO_END:
        touch(host, row.buffer, writes, row.bytes)
        state.dirty[writes] = ALL
    keep_time(host)


@inlined
def keep_time(host: Host) -> None:
    """Begin the next epoch when enough has come to the front."""
    if host.state.cache[0].moved_bytes * EPOCHS_A_CACHE >= host.spec.policy.llc_bytes:
        begin_epoch(host)


@compiled
def begin_epoch(host: Host) -> None:
    """Begin an epoch; the oldest two become one, and what is still there of each must be worked out anew."""
    cache = host.state.cache[0]
    newest = cache.newest + 1
    first, oldest = newest & (EPOCHS - 1), (newest + 1) & (EPOCHS - 1)
    cache.held_bytes[oldest] += cache.held_bytes[first]
    cache.held_bytes[first] = 0
    cache.newest = newest
    cache.moved_bytes = 0
    cache.known = 0
    cache.known_bytes = 0


@inlined
def found_of(host: Host, touched: int) -> int:
    """The share that is still there of what was touched last in an epoch; what is gone does not come back."""
    cache = host.state.cache[0]
    if touched == cache.newest:
        return ALL
    if touched <= cache.gone:
        return 0
    back = min(cache.newest - touched, EPOCHS - 1)
    return int(cache.found[(cache.newest - back) & (EPOCHS - 1)]) if back <= cache.known else work_out(host, back)


@compiled
def work_out(host: Host, back: int) -> int:
    """What is still there of an epoch: in front of it lies what later ones and it itself hold; those between, too."""
    cache, table = host.state.cache[0], host.spec.found_by_distance
    far_bytes, scale = CACHES * host.spec.policy.llc_bytes, host.spec.policy.distance_scale
    found = 0
    while cache.known < back:
        at = (cache.newest - cache.known - 1) & (EPOCHS - 1)
        known_bytes = cache.known_bytes + cache.held_bytes[at]
        if known_bytes >= far_bytes:
            cache.gone = cache.newest - cache.known - 1
            return 0
        position = known_bytes * scale
        step = position >> SCALE_BITS
        part = (position >> (SCALE_BITS - SHARE_BITS)) & (ALL - 1)
        found = table[step] + ((table[step + 1] - table[step]) * part >> SHARE_BITS)
        cache.found[at] = found
        cache.known_bytes = known_bytes
        cache.known += 1
    return int(found)


def stretch_bits(area_slots: int) -> int:
    """How many of the lowest bits of a slot's number count the slots of a stretch."""
    return max(SET_BITS, (area_slots // STRETCHES).bit_length() - 1)


def distance_scale(llc_bytes: int) -> int:
    """What a distance in bytes is multiplied with, 2 to the power of SCALE_BITS for a step of the table."""
    return (STEPS_A_CACHE << SCALE_BITS) // llc_bytes if llc_bytes else 0


@compiled
def take_from_sets(host: Host, transfer: int) -> None:
    """What was touched of the slots that the transfer's buffer has got, when the search came by before.

    What lies in one stretch of slot sets was touched at one time.
    """
    row = host.state.transfers[transfer]
    stream, state = host.spec.streams[row.stream], host.state.buffers[row.buffer]
    at = stream.first_mapping + (row.buffer - stream.first_buffer) * stream.mappings
    bits, piece_bytes = stream.stretch_bits, stream.segment_bytes
    left_bytes, touched, held_bytes, last = row.bytes, 0, 0, -1
    while left_bytes > 0:
        slot = host.state.slots[at]
        if slot != TRANSIENT:
            stretch = host.state.slot_sets[slot >> bits << bits - SET_BITS]
            first = slot & ((1 << bits) - 1)
            if slot >> bits != last and first <= stretch.mapped_up_to:
                stretch.touched_before = stretch.touched
            last = slot >> bits
            stretch.mapped_up_to = first
            if stretch.touched_before != NEVER:
                taken_bytes = min(piece_bytes, left_bytes)
                touched += stretch.touched_before * taken_bytes
                held_bytes += taken_bytes
        at += 1
        left_bytes -= piece_bytes
    state.touched[End.DEVICE] = touched // held_bytes if held_bytes > 0 else NEVER
    state.cached_bytes[End.DEVICE] = held_bytes
    state.dirty[End.DEVICE] = ALL


@compiled
def leave_with_sets(host: Host, transfer: int) -> None:
    """Leave with the slots' stretches of sets when the transfer touched them last."""
    row = host.state.transfers[transfer]
    stream, state = host.spec.streams[row.stream], host.state.buffers[row.buffer]
    first = stream.first_mapping + (row.buffer - stream.first_buffer) * stream.mappings
    touched, bits, last = state.touched[End.DEVICE], stream.stretch_bits, -1
    for at in range(first, first + state.mapped_pieces - stream.extra_mappings):
        slot = host.state.slots[at]
        if slot != TRANSIENT and slot >> bits != last:
            last = slot >> bits
            host.state.slot_sets[last << bits - SET_BITS].touched = touched
    state.touched[End.DEVICE] = NEVER
