"""Chance has a name: a draw depends on what it is for, never on when or where it is made."""

import hashlib


def draw(bound: int, *key: int | str) -> int:
    """A whole number in [0, bound), uniform over keys: BLAKE2b of the key, scaled.

    Keys are (seed, replication, host, group, guest, workload, purpose): adding a guest moves nobody else's draw.
    """
    assert bound > 0
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    value = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    return value * bound >> 64
