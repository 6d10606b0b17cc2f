"""The tutorial, run from its first block to its last; what it shows as output is compared."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = "…"
MUST_FAIL = "--set window=2s"
"""A command that is wrong on purpose."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line at which it begins."""

    language: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    return [Block(each[1], each[2], text[: each.start()].count("\n") + 1) for each in FENCE.finditer(text)]


def matches(shown: str, printed: str) -> bool:
    """Whether output is as shown, line ends aside, with anything where `…` stands."""
    lines = (" ".join(text.split()) for text in (shown, printed))
    wanted, found = lines
    pattern = ".*".join(re.escape(part.strip()) for part in wanted.split(LEFT_OUT))
    return re.fullmatch(pattern.replace(r"\ .*", ".*"), found, re.DOTALL) is not None


def run_shell(command: str, folder: Path) -> str:
    """A command of this program, in the checkout's own Python."""
    words = shlex.split(command)
    assert words[0] == "cluster-sim"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", "cluster_sim", *words[1:]],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (2 if MUST_FAIL in command else 0), done.stdout + done.stderr
    return done.stdout + done.stderr


def run_python(code: str, names: dict[str, object], line: int) -> str:
    """A block of Python, with the names of those before it; its lines are those of the page."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile("\n" * line + code, str(TUTORIAL), "exec"), names)  # noqa: S102
    return out.getvalue()


def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "tutorial"}
    printed, compared = "", 0
    for block in blocks(TUTORIAL.read_text("utf-8")):
        match block.language:
            case "yaml":
                name = block.text.splitlines()[0].removeprefix("# ")
                (tmp_path / name).write_text(block.text, "utf-8")
            case "sh":
                printed = run_shell(block.text, tmp_path)
            case "python":
                printed = run_python(block.text, names, block.line)
            case "text":
                assert matches(block.text, printed), f"{TUTORIAL.name}:{block.line} shows otherwise:\n{printed}"
                compared += 1
            case other:
                pytest.fail(f"{TUTORIAL.name}:{block.line}: a block of {other}: nobody runs it")
    assert compared > 8


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a b", "a b\n", True),
        ("a\nb", "a b", True),
        ("a b", "a c", False),
        ("a … c", "a b b c", True),
        ("a …", "a b", True),
        ("a … c", "a b b d", False),
        ("a …c", "a bc", True),
        ("a", "a b", False),
        ("1.0", "1x0", False),
    ],
)
def test_output_is_compared_but_for_what_is_left_out(shown: str, printed: str, *, same: bool) -> None:
    assert matches(shown, printed) == same
