"""What the project's own files promise to who installs it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

from tests.distribution.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_all_names_every_other_extra() -> None:
    (wanted,) = EXTRAS["all"]
    assert sorted(wanted.removeprefix("heredity[").removesuffix("]").split(",")) == sorted(
        {*EXTRAS} - {"all"}
    )


def test_torch_is_an_extra() -> None:
    assert not [each for each in PROJECT["dependencies"] if each.startswith("torch")]
    assert [each for each in EXTRAS["torch"] if each.startswith("torch")]


def test_an_install_line_names_an_extra_that_there_is() -> None:
    """In the sources as in the documentation."""
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = {
        extra
        for file in files
        for group in re.findall(r"heredity\[([a-z,-]+)\]", file.read_text("utf-8"))
        for extra in group.split(",")
    }
    assert named <= {*EXTRAS}


def test_the_next_changelog_holds_every_fragment() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9"]
    draft = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    firsts = [path.read_text("utf-8").split()[0] for path in (ROOT / "changes").glob("*.md")]
    assert firsts
    assert [word for word in firsts if word not in draft] == []


def test_the_container_copies_what_there_is() -> None:
    lines = (ROOT / "Containerfile").read_text("utf-8").splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
