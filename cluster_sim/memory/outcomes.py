"""What a memory operation answers: done, or refused with the name that the kernel gives the refusal."""

from enum import IntEnum


class Outcome(IntEnum):
    """Result of one operation on guest memory; the compiled code returns these as plain integers.

    Up to 999 they are the kernel's errno; from 1000 on what has no errno: signals (1000 + number), exits from
    KVM_RUN (1000 + KVM_EXIT_…, where no signal has that number), and answers of the model's own.
    """

    OK = 0
    EPERM = 1
    EINTR = 4
    EIO = 5
    ENXIO = 6
    EBADF = 9
    EAGAIN = 11
    ENOMEM = 12
    EACCES = 13
    EFAULT = 14
    EBUSY = 16
    EEXIST = 17
    EXDEV = 18
    ENODEV = 19
    EINVAL = 22
    ENOTTY = 25
    ENOSPC = 28
    ESPIPE = 29
    EOPNOTSUPP = 95
    EHWPOISON = 133
    MMIO_EXIT = 1006
    SIGBUS = 1007
    SIGSEGV = 1011
    MEMORY_FAULT_EXIT = 1039
    NOT_ACCEPTED = 1100
    DIFFERS = 1200
