"""How a run ends that cannot go on."""


class RunFailedError(Exception):
    """A run that did not end: what failed, and what is kept."""
