"""Names are loaded on first use; looking at a store or an experiment loads no torch and no jax."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import heredity

HEAVY = ("torch", "jax", "pydantic", "yaml", "click", "rich")

WITHOUT_TORCH = [
    *("heredity", "heredity.errors", "heredity.store", "heredity.store.exchange", "heredity.experiment"),
    "heredity.cli.weights.exchange",
]


def _heavy_modules_after(statement: str) -> list[str]:
    program = f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_importing_it_loads_no_torch_and_no_jax(module: str) -> None:
    pytest.importorskip(module)
    assert not {"torch", "jax"} & {*_heavy_modules_after(f"import {module}")}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert _heavy_modules_after("import heredity") == []


def test_a_public_name_is_loaded_on_first_use_and_kept() -> None:
    program = "import heredity as hd; assert 'errors' not in vars(hd); hd.errors; assert 'errors' in vars(hd)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_public_name_is_there_and_is_shown_by_dir() -> None:
    for name in heredity.__all__:
        assert getattr(heredity, name) is not None
        assert name in dir(heredity)


def test_an_unknown_name_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="'heredity' has no attribute 'heritage'"):
        getattr(importlib.import_module("heredity"), "heritage")  # noqa: B009  # the name is missing on purpose
