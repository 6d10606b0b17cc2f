"""Numbers that the model's calls and the real ones have in common: flags, advice, and how many of each there are.

Sources: include/uapi/asm-generic/mman-common.h, include/uapi/linux/falloc.h, include/uapi/linux/kvm.h.
"""

FILES = 4
VIEWS_A_FILE = 3
FORKED_VIEW = 3
"""The second process's copy of view 0."""
PIN_HOLDERS = 4
SLOTS = 4
VMS = 2
BAD_FD = FILES
"""In the place of a file: a descriptor that is not open."""
OTHER_FILE = FILES + 1
"""In the place of a file: a descriptor of something else."""
SPARSE_BYTES = 1 << 40
"""Files from this size on are made and closed at once: there is nothing else to see in them."""

READ = 1
WRITE = 2
EXEC = 4

MMAP = 1
INIT_SHARED = 2

KEEP_SIZE = 1
PUNCH_HOLE = 2

MAP_SHARED = 1
MAP_PRIVATE = 2
MAP_SHARED_VALIDATE = 3
MAP_TYPE = 3
MAP_POPULATE = 0x8000
MAP_LOCKED = 0x2000
MAP_HUGETLB = 0x40000
MAP_SYNC = 0x80000

ADVICE = {"DONTNEED": 4, "FREE": 8, "REMOVE": 9, "MERGEABLE": 12, "COLD": 20, "PAGEOUT": 21}
ADVICE |= {"POPULATE_READ": 22, "POPULATE_WRITE": 23, "COLLAPSE": 25}

LOG_DIRTY_PAGES = 1
READONLY = 2
GUEST_MEMFD = 4
