"""Reads the text that blkparse prints by default: one row an event of the block layer."""

import re
from collections import Counter
from pathlib import Path
from typing import Final, Literal

from cluster_sim.integers import NS_PER_S
from cluster_sim.traces.log import FOUND_LENGTH_MAX, RequestRows, whole_lines
from cluster_sim.traces.requests import RequestTrace

Action = Literal["Q", "D", "C"]
"""Which event of a request counts as its submission: queued, issued to the driver, or completed."""

SECTOR_BYTES: Final = 512
ROW: Final = re.compile(
    r" *(?P<device>[0-9]+,[0-9]+) +[0-9]+ +[0-9]+ +(?P<seconds>[0-9]{1,9})\.(?P<ns>[0-9]{9}) +[0-9]+ +"
    r"(?P<action>[A-Z]|UT|m) +(?P<rwbs>\S+) ?(?P<rest>.*)",
    re.ASCII,
)
INPUT_NOTE: Final = re.compile(r"Input file \S+ added")

_ROW_FORM: Final = "device cpu sequence seconds.nanoseconds pid action rwbs …"
_ACTIONS: Final = frozenset("QGIDCPUMFBRSXATm") | {"UT"}
_RWBS: Final = re.compile(r"F?(?P<op>DE?|W|R|N)F?A?S?M?")
_SECTORS: Final = re.compile(r"([0-9]{1,18}) \+ ([0-9]{1,18})(?: \( *[0-9]+\))? \[(.*)\]", re.ASCII)
_COMMAND: Final = re.compile(r"(?:[0-9]+ )?\([0-9a-f]{2}(?: [0-9a-f]{2})*(?: \.\.)?\) \[.*\]", re.ASCII)
_ERROR: Final = re.compile(r"-?[0-9]+", re.ASCII)
_EMPTY: Final = re.compile(r"(?:[0-9]+ )?(?:\( *[0-9]+\) )?\[.*\]", re.ASCII)
_SUMMARY: Final = re.compile(r"CPU[0-9]+ \(.*\):|Total \(.*\):|Throughput \(R/W\): .*|Events \(.*\): [0-9]+ entries")
_SKIPS: Final = re.compile(r"Skips: ([0-9]+) forward .*")

_OTHER_STEP: Final = "other events than {action}"
_NO_SECTORS: Final = "no sectors are read or written"
_FAILED: Final = "the device reported an error"


def read_blkparse(path: Path, action: Action = "Q") -> RequestTrace:
    """Return the requests at one of their events; other events, discards and flushes are counted and left out.

    Raises TraceError for a row that blkparse does not print, and for a trace that lost events.
    """
    rows = RequestRows(path)
    other_step = _OTHER_STEP.format(action=action)
    left_out: dict[str, Counter[str]] = {reason: Counter() for reason in (other_step, _NO_SECTORS, _FAILED)}
    in_summary = False
    for number, line in whole_lines(path):
        rows.line = number
        in_summary = in_summary or _SUMMARY.fullmatch(line) is not None
        if in_summary:
            _check_summary(line, rows)
            continue
        if INPUT_NOTE.fullmatch(line):
            continue
        match = ROW.fullmatch(line)
        if match is None:
            raise rows.refused(repr(line[:FOUND_LENGTH_MAX]), _ROW_FORM)
        if match["action"] not in _ACTIONS:
            raise rows.refused(f"action {match['action']}", ", ".join(sorted(_ACTIONS)))
        if match["action"] != action:
            left_out[other_step][match["action"]] += 1
            continue
        reason, what = _take(match, rows)
        if reason:
            left_out[reason][what] += 1
    return rows.trace(f"blkparse, action {action}", left_out)


def _take(match: re.Match[str], rows: RequestRows) -> tuple[str, str]:
    """Take a row as a request, or return why it is none and what it is instead."""
    rwbs, rest = _RWBS.fullmatch(match["rwbs"]), match["rest"]
    if rwbs is None:
        raise rows.refused(f"rwbs {match['rwbs'][:FOUND_LENGTH_MAX]!r}", "R, W, D or N with F, A, S, M")
    sectors = _SECTORS.fullmatch(rest)
    if sectors is None:
        return _NO_SECTORS, _name_without_sectors(match, rows)
    if rwbs["op"] not in {"R", "W"}:
        return _NO_SECTORS, "discard" if rwbs["op"].startswith("D") else "request without direction"
    if match["action"] == "C" and not _ERROR.fullmatch(sectors[3]):
        raise rows.refused(f"error {sectors[3][:FOUND_LENGTH_MAX]!r}", "a number: 0 where all went well")
    if match["action"] == "C" and sectors[3] != "0":
        return _FAILED, "write" if rwbs["op"] == "W" else "read"
    rows.add(
        at_ns=int(match["seconds"]) * NS_PER_S + int(match["ns"]),
        offset_bytes=int(sectors[1]) * SECTOR_BYTES,
        size_bytes=int(sectors[2]) * SECTOR_BYTES,
        is_write=rwbs["op"] == "W",
        target=match["device"],
    )
    return "", ""


def _name_without_sectors(match: re.Match[str], rows: RequestRows) -> str:
    """Name a row that has no `sector + count`, or refuse it."""
    rest = match["rest"]
    if _COMMAND.fullmatch(rest):
        return "command"
    if _EMPTY.fullmatch(rest):
        return "flush" if match["rwbs"].startswith("F") else "request without sectors"
    raise rows.refused(repr(rest[:FOUND_LENGTH_MAX]), "sector + count [process], or [error] at C")


def _check_summary(line: str, rows: RequestRows) -> None:
    """Refuse a trace that lost events, and rows behind the summary."""
    skips = _SKIPS.fullmatch(line)
    if skips is not None and int(skips[1]):
        raise rows.refused(repr(line[:FOUND_LENGTH_MAX]), "a trace that lost no events")
    if ROW.fullmatch(line):
        raise rows.refused("an event behind the summary", "one output of blkparse")
