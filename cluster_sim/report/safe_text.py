"""Text that comes from a run, made harmless for Markdown and for mail: names in it may be hostile."""

import re
import unicodedata

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that are not to be seen, or that turn the direction of what follows."""

PLAIN_LETTERS = {"·": " ", "×": "x", "–": "-", "—": "-", "±": "+/-", "…": "...", "’": "'", "“": '"', "”": '"'}
"""The program's own letters, as mail without an encoding has them."""


def one_line(text: str) -> str:
    """Text on one line, with what cannot be seen written as its number, such as `<U+202E>`."""
    spaced = " ".join(text.split())
    return "".join(f"<U+{ord(each):04X}>" if unicodedata.category(each) in HIDDEN else each for each in spaced)


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, HTML, table cell, link, mention or reference comes of it.

    A mention or a link by address is made of the text that is shown, so that a comment has to part it.
    """
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = re.sub(r"([\\`*_\[\]|~])", r"\\\1", shown)
    shown = re.sub(r"^([-+=]|\d+(?=[.)]))", lambda found: first_escaped(found[1]), shown)
    shown = re.sub(r"([@#])", r"\1<!-- -->", shown)
    return re.sub(r"(?i)(:)(?=//)|(www)(?=\.)|(mailto|xmpp)(?=:)", r"\g<0><!-- -->", shown)


def first_escaped(beginning: str) -> str:
    """What would begin a list or a heading at the begin of a line."""
    return f"&#{ord(beginning[0])};{beginning[1:]}"


def as_code(text: str) -> str:
    """Text as a code span; backticks in it are parted by a longer fence, pipes do not end a table's cell."""
    shown = one_line(text).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def in_ascii(text: str) -> str:
    r"""Text in ASCII on one line; other letters by their numbers, such as `\u0627`."""
    known = "".join(PLAIN_LETTERS.get(each, each) for each in text)
    return one_line(known).encode("ascii", "backslashreplace").decode("ascii")
