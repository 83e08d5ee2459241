"""The public names, all of them: a change here is a change that users see."""

from __future__ import annotations

import subprocess
import sys

import pytest

import heredity as hd

NAMES = [
    "Budget", "Candidates", "Checkpoint", "Experiment", "Growth", "Inheritance", "Program", "Proposal",
    "Race", "Resources", "ShrinkAndPerturb", "Store", "Strategy", "Trial",
    "__version__", "current_trial", "errors", "inherit", "load", "open_store", "relatives", "save", "space",
    "strategies",
]  # fmt: skip


def test_the_public_names_are_these() -> None:
    assert sorted(hd.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(hd, name)
    assert name in dir(hd)
    assert name == "__version__" or (value.__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'inherti'"):
        _ = hd.inherti


def test_a_public_name_is_loaded_on_first_use() -> None:
    code = (
        "import sys, heredity; before = 'torch' in sys.modules; "
        "heredity.inherit; print(before, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
