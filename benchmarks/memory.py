"""What the state of guest memory costs: bytes of an untouched terabyte, time of converting a gibibyte.

    python -m benchmarks.memory [--repeat 15]

Times are medians over repeats of one call into the compiled code, which converts and converts back; half of it is one
conversion. Page by page is a compiled loop over the same function.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cluster_sim.compiling.decorators import compiled
from cluster_sim.memory.conversion import convert
from cluster_sim.memory.effects import EFFECT_COUNT, Counts
from cluster_sim.memory.guest_memfd import GuestMemfd
from cluster_sim.memory.page_tree import PAGES_PER_1G, PageTree
from cluster_sim.memory.pages import DEFAULT_RULES, MemoryRules, Operation

PAGES_1T = 1024 * PAGES_PER_1G
HUGE = DEFAULT_RULES._replace(folio_pages=512, leaf_pages=512)
GIGANTIC = DEFAULT_RULES._replace(folio_pages=PAGES_PER_1G, leaf_pages=PAGES_PER_1G)


@compiled
def convert_in_ranges(
    tree: PageTree, pages: int, step: int, to_private: int, rules: MemoryRules, effects: Counts
) -> None:
    """Convert a file range by range."""
    for page in range(0, pages, step):
        convert(tree, page, step, to_private, rules, effects)


def median_us(call: Callable[[], None], repeat: int) -> float:
    """Median time of a call; the first ones compile and warm up."""
    spans = []
    for _ in range(repeat + 2):
        began = time.perf_counter_ns()
        call()
        spans.append(time.perf_counter_ns() - began)
    return statistics.median(spans[2:]) / 1000


def conversion_us(rules: MemoryRules, step: int, repeat: int) -> float:
    """Median time of converting 1 GiB in ranges of `step` pages, one way."""
    memfd = GuestMemfd(PAGES_PER_1G, rules, init_shared=False)
    memfd.apply(Operation.GUEST_TOUCH_PRIVATE, 0, PAGES_PER_1G)
    for page in range(0, PAGES_PER_1G, max(step, 512)):
        memfd.convert(page, 1, to_private=False)
    for page in range(0, PAGES_PER_1G, max(step, 512)):
        memfd.convert(page, 1, to_private=True)
    effects = np.zeros(EFFECT_COUNT, np.int64)

    def there_and_back() -> None:
        for to_private in (0, 1):
            convert_in_ranges(memfd.tree, PAGES_PER_1G, step, to_private, memfd.rules, effects)

    return median_us(there_and_back, repeat) / 2


def processor() -> str:
    """The machine's processor by its name."""
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    untouched = GuestMemfd(PAGES_1T, DEFAULT_RULES, init_shared=False).state_bytes
    print(f"a guest of 1 TiB, untouched               {untouched / 1024:10.1f} KiB")
    for text, rules, step in (
        ("1 GiB in one range, 4 KiB pages", DEFAULT_RULES, PAGES_PER_1G),
        ("1 GiB page by page, 4 KiB pages", DEFAULT_RULES, 1),
        ("1 GiB in one range, 2 MiB pages", HUGE, PAGES_PER_1G),
        ("1 GiB page by page, 2 MiB pages", HUGE, 1),
        ("1 GiB in one range, 1 GiB page", GIGANTIC, PAGES_PER_1G),
        ("1 GiB page by page, 1 GiB page", GIGANTIC, 1),
    ):
        print(f"convert {text:32s}  {conversion_us(rules, step, options.repeat):10.2f} us")


if __name__ == "__main__":
    main()
