"""Markdown and plain text as they are, and as they must be whatever names a run has.

`UPDATE_GOLDEN=1 pytest tests/golden` writes the files anew; look at the difference before it is kept.
"""

import os
import re
from collections.abc import Callable
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cluster_sim.report.markdown import markdown
from cluster_sim.report.plain import WIDTH, plain
from cluster_sim.report.safe_text import as_code, in_ascii, in_markdown, one_line
from tests.golden.answers import HOSTILE, Names, answer, reading

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HERE = Path(__file__).parent
OURS = {"h1", "h2", "p", "strong", "ul", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "code"}
OURS |= {"details", "summary"}


def as_markdown(names: Names) -> str:
    return markdown(reading(names), answer(names))


def as_plain(names: Names) -> str:
    return plain(reading(names), answer(names))


@pytest.mark.parametrize(("file", "make"), [("films.md", as_markdown), ("films.txt", as_plain)])
def test_a_text_is_as_it_was_last_looked_at(file: str, make: Callable[[Names], str]) -> None:
    found = make(Names())
    if os.environ.get("UPDATE_GOLDEN"):
        (HERE / file).write_text(found, "utf-8")
    assert found == (HERE / file).read_text("utf-8")


def everywhere(name: str) -> Names:
    """The same name for everything that a run names."""
    return replace(Names(), **{field.name: name for field in fields(Names)})


class Tags(HTMLParser):
    """The elements and attributes of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_of_a_hostile_name_has_no_elements_but_its_own_and_shows_the_name(name: str) -> None:
    text = as_markdown(everywhere(name))
    tags = Tags()
    tags.feed(READER.render(text))
    assert tags.found <= OURS
    assert tags.attributes <= {"style"}
    assert one_line(name) in tags.text


@pytest.mark.parametrize("name", HOSTILE)
def test_each_table_of_a_hostile_name_keeps_its_columns(name: str) -> None:
    for block in as_markdown(everywhere(name)).split("\n\n"):
        if block.startswith("| "):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_mentions_nobody_and_links_nowhere(name: str) -> None:
    text = as_markdown(everywhere(name))
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"@\w|(?<!&)#\d|://|www\.|mailto:", outside_code)


@pytest.mark.parametrize("name", HOSTILE)
def test_plain_text_of_a_hostile_name_is_ascii_of_72_columns_that_mail_does_not_mistake(name: str) -> None:
    lines = as_plain(everywhere(name)).splitlines()
    for line in lines:
        assert len(line) <= WIDTH
        assert line.isascii()
        assert line.isprintable() or not line
        assert not line.startswith(("From ", ">", "-- "))


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_has_no_letter_that_hides_or_turns_a_text(name: str) -> None:
    assert all(each.isprintable() or each == "\n" for each in as_markdown(everywhere(name)))


@given(st.text(max_size=400))
def test_plain_text_of_any_name_fits(name: str) -> None:
    for line in as_plain(everywhere(name)).splitlines():
        assert len(line) <= WIDTH
        assert line.isascii()


@given(st.text(max_size=60))
def test_any_text_stays_one_line_without_letters_that_hide(text: str) -> None:
    for found in (one_line(text), in_markdown(text), as_code(text), in_ascii(text)):
        assert found.isprintable()
        assert "\n" not in found


@given(st.text("ab`|\\<", max_size=12))
def test_any_text_is_shown_as_it_is_by_markdown(text: str) -> None:
    for made in (f"x {in_markdown(text)} y", f"x {as_code(text)} y"):
        tags = Tags()
        tags.feed(READER.render(made))
        assert " ".join(tags.text.split()) == " ".join(f"x {text.strip()} y".split()), made


def test_a_long_name_is_folded_and_its_figures_follow_on_a_line_of_their_own() -> None:
    name = "a-path-with-a-name-longer-than-its-column"
    lines = as_plain(replace(Names(), path=name)).splitlines()
    first = lines.index(f"  {name}")
    assert lines[first + 1].split() == ["1,920", "6.99", "6.99", "0", "0.26", "4.7", "2.28", "2.49"]
    assert lines[first + 2].strip() == "(2.31 to 2.67)"


def test_a_figure_that_is_too_long_for_its_column_is_shortened() -> None:
    names = Names()
    found = reading(names)
    found.rows = [replace(each, figures={**each.figures, "p50": 123_456_789_012.0}) for each in found.rows]
    text = plain(found, answer(names))
    assert "1.2e11" in text
    assert max(len(line) for line in text.splitlines()) <= WIDTH
