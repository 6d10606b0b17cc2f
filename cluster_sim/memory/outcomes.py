"""What a memory operation answers: done, or refused with the name that the kernel gives the refusal."""

from enum import IntEnum


class Outcome(IntEnum):
    """Result of one operation on guest memory; the compiled code returns these as plain integers."""

    OK = 0
    EAGAIN = 11
    ENOMEM = 12
    EFAULT = 14
    MEMORY_FAULT_EXIT = 39
    DIFFERS = 200


OK = int(Outcome.OK)
EAGAIN = int(Outcome.EAGAIN)
ENOMEM = int(Outcome.ENOMEM)
EFAULT = int(Outcome.EFAULT)
MEMORY_FAULT_EXIT = int(Outcome.MEMORY_FAULT_EXIT)
DIFFERS = int(Outcome.DIFFERS)
