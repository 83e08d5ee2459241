"""The documentation is tested: its Python blocks run, its commands exist, its links lead somewhere.

A Python block runs in a temporary folder, after the blocks above it in the same document and with their
names. One that cannot run says why on the line before it:

    <!-- not executed: needs a cluster -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import click
import pytest
from sybil import Document, Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from heredity.cli import main as command_line

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LANGUAGES = {"python", "console", "bash", "yaml", "json", "toml", "text", "{toctree}", "{eval-rst}"}

_FENCE = re.compile(
    r"^(?P<ticks>```+)(?P<language>[^\n`]*)\n(?P<body>.*?)^(?P=ticks)[ ]*$", re.MULTILINE | re.DOTALL
)
_EXCUSE = re.compile(r"<!-- not executed: \S.* -->")
_COMMAND = re.compile(r"^(?:\$ )?(?:\S*/)?heredity +([a-z][a-z-]*)", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def _fences(text: str) -> list[re.Match[str]]:
    return list(_FENCE.finditer(text))


def _line_before(text: str, start: int) -> str:
    return (text[:start].splitlines() or [""])[-1]


def _is_excused(text: str, start: int) -> bool:
    return _EXCUSE.fullmatch(_line_before(text, start)) is not None


def _executed_blocks(document: Document) -> Iterable[Region]:
    for region in PythonCodeBlockParser()(document):
        if not _is_excused(document.text, region.start):
            yield region


def _commands_of_the_program() -> set[str]:
    group = command_line.heredity
    return set(group.list_commands(click.Context(group)))


@documents
def test_the_python_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for example in Sybil([_executed_blocks]).parse(path).examples():
        example.evaluate()


@documents
def test_a_block_says_its_language(path: Path) -> None:
    """So that no Python block goes untested for want of its name."""
    assert {fence["language"].strip() for fence in _fences(path.read_text("utf-8"))} <= LANGUAGES


@documents
def test_an_excuse_gives_a_reason_and_stands_before_a_python_block(path: Path) -> None:
    text = path.read_text("utf-8")
    prose = _FENCE.sub("", text)
    excused = [f for f in _fences(text) if f["language"].strip() == "python" and _is_excused(text, f.start())]
    assert prose.count("<!-- not executed") == len(excused)


@documents
def test_the_commands_exist(path: Path) -> None:
    shell = [
        f["body"] for f in _fences(path.read_text("utf-8")) if f["language"].strip() in {"bash", "console"}
    ]
    named = {name for body in shell for name in _COMMAND.findall(body)}
    assert named <= _commands_of_the_program()


@documents
def test_the_links_to_files_lead_somewhere(path: Path) -> None:
    targets = _LINK.findall(_FENCE.sub("", path.read_text("utf-8")))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_an_untold_failure_in_a_block_fails_the_test(tmp_path: Path) -> None:
    """The net itself holds: a broken block is seen, an excused one is not run."""
    page = tmp_path / "page.md"
    page.write_text("<!-- not executed: is wrong -->\n```python\n1 / 0\n```\n\n```python\nx = [][1]\n```\n")
    (example,) = Sybil([_executed_blocks]).parse(page).examples()
    with pytest.raises(IndexError):
        example.evaluate()
