"""Every page stands in the site's table of contents, and the reference says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from docs.generators.experiment_keys import KINDS, MODELS
from docs.generators.pages import FOLDER, pages
from docs.generators.python_pages import DOORS, python_pages

from heredity.cli.main import heredity

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WRITTEN = pages()

_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r"^\s*(?:from (heredity[\w.]*) import|import (heredity[\w.]+))", re.MULTILINE)


def _in_contents(page: Path) -> set[Path]:
    """The page, and all that its tables of contents name."""
    found = {page}
    for body in _TOCTREE.findall(page.read_text("utf-8")):
        for line in body.splitlines():
            if line and not line.startswith(":"):
                pattern = (page.parent / line).resolve()
                found |= {match.resolve() for match in pattern.parent.glob(f"{pattern.name}.md")}
    return found


def test_every_page_stands_in_the_contents() -> None:
    """Name a new page in docs/index.md, or a design note in docs/design/README.md."""
    first = _in_contents(DOCS / "index.md")
    listed = {inner for page in first for inner in _in_contents(page)}
    assert {path.relative_to(ROOT).as_posix() for path in {*DOCS.rglob("*.md")} - listed} == set()


@pytest.mark.parametrize("name", WRITTEN)
def test_the_reference_says_what_the_code_says(name: str) -> None:
    """`make reference` writes it anew."""
    assert (FOLDER / name).read_text("utf-8") == WRITTEN[name]


def test_the_reference_has_no_page_that_nobody_writes() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == {*WRITTEN}


@pytest.mark.parametrize("door", DOORS)
def test_a_public_name_has_a_sentence(door: str) -> None:
    pages_of_names = "\n".join(python_pages().values())
    table = pages_of_names.partition(f"## `{door}`\n")[2].partition("\n```")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines() if row.startswith("| ")][1:]
    assert [row[0] for row in rows if len(row) < 2 or not row[1].strip()] == []


def test_what_the_documentation_imports_is_in_the_reference() -> None:
    texts = [path.read_text("utf-8") for path in DOCS.rglob("*.md") if "reference" not in path.parts]
    imported = {module for text in texts for pair in _IMPORT.findall(text) for module in pair if module}
    assert {module for module in imported if module not in DOORS} <= {"heredity.encoding", "heredity.ids"}


def test_every_key_of_an_experiment_file_is_explained() -> None:
    explained = (DOCS / "experiment-file.md").read_text("utf-8")
    keys = {name for title, model in MODELS.items() if "given" not in title for name in model.model_fields}
    assert {key for key in keys if f"`{key}`" not in explained} == set()


def test_every_kind_is_in_the_reference() -> None:
    page = WRITTEN["experiment-keys.md"]
    assert [kind for kinds in KINDS.values() for kind in kinds if f"### `{kind}`" not in page] == []


def test_every_command_is_in_the_reference() -> None:
    commands = heredity.list_commands(click.Context(heredity))
    assert [name for name in commands if f"\n## {name}\n" not in WRITTEN["commands.md"]] == []
