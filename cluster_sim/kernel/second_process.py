"""A second process that has the same files mapped: forked, told over a pipe what to touch."""

import os
import signal
import struct

from cluster_sim.kernel.loads import Toucher

ORDER = struct.Struct("<QQQ")
ANSWER = struct.Struct("<QQ")


class SecondProcess:
    """A child that shares our mappings, with page tables of its own."""

    def __init__(self, toucher: Toucher) -> None:
        told, tell = os.pipe()
        heard, say = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(tell)
            os.close(heard)
            serve(toucher, told, say)
        os.close(told)
        os.close(say)
        self.tell, self.heard = tell, heard
        self.page_map = os.open(f"/proc/{self.pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)

    def touch(self, address: int, *, store: bool, value: int) -> tuple[int, int]:
        """Load or store there; (signal or 0, the value)."""
        os.write(self.tell, ORDER.pack(address, int(store), value))
        killed, found = ANSWER.unpack(os.read(self.heard, ANSWER.size))
        return killed, found

    def end(self) -> None:
        """End the child and wait for it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for fd in (self.tell, self.heard, self.page_map):
            os.close(fd)


def serve(toucher: Toucher, told: int, say: int) -> None:
    """Touch what we are told until the pipe ends; never returns."""
    while order := os.read(told, ORDER.size):
        address, store, value = ORDER.unpack(order)
        os.write(say, ANSWER.pack(*toucher.touch(address, store=bool(store), value=value)))
    os._exit(0)
