"""How one transfer goes: each path a short program of steps, built as data; the engine knows none by name."""
