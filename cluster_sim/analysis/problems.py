"""What keeps an analysis from being made: the text says where, what was found and what is allowed."""


class ComparisonError(Exception):
    """What cannot be compared."""


class StudyError(Exception):
    """A study that cannot be made, or whose stored points cannot be read."""
