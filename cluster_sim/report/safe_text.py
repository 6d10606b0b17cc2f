"""Text that comes from a run, made harmless for Markdown and for mail: names in it may be hostile."""

import re
import unicodedata

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories that are not to be seen, or that turn the direction of what follows."""

PLAIN_LETTERS = {"·": " ", "µ": "u", "×": "x", "–": "-", "—": "-", "±": "+/-", "…": "...", "’": "'", "“": '"', "”": '"'}
"""The program's own letters, as mail without an encoding has them."""

PARTED = "<!-- -->"
"""A comment, by which a word is no mention, reference or address."""

ESCAPES = {each: f"\\{each}" for each in "\\`*_[]"} | {each: f"{each}{PARTED}" for each in "@#"}
ESCAPES |= {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;"}
"""What Markdown, HTML and GitHub would make something of."""


def one_line(text: str) -> str:
    """Text on one line, with what cannot be seen written as its number, such as `<U+202E>`."""
    spaced = " ".join(text.split())
    return "".join(f"<U+{ord(each):04X}>" if unicodedata.category(each) in HIDDEN else each for each in spaced)


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, HTML, table cell, link, mention or reference comes of it.

    A mention or a link by address is made of the text that is shown, so that a comment has to part it.
    """
    line = one_line(text)
    begins = re.match(r"[-+=]+(?= |$)|\d+[.)](?= |$)", line)
    first = f"&#{ord(line[0])};" if begins else ""
    shown = first + "".join(ESCAPES.get(each, each) for each in line[len(first) and 1 :])
    return re.sub(r"(?i):(?=//)|www(?=\.)|(?:mailto|xmpp)(?=:)", rf"\g<0>{PARTED}", shown)


def as_code(text: str) -> str:
    """Text as a code span, its fence longer than any row of backticks in it; in tables, pipes are still to escape."""
    shown = one_line(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def in_ascii(text: str) -> str:
    r"""Text in ASCII on one line; other letters by their numbers, such as `\u0627`."""
    known = "".join(PLAIN_LETTERS.get(each, each) for each in text)
    return one_line(known).encode("ascii", "backslashreplace").decode("ascii")
