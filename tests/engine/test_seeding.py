"""A trial's generators, whether its function loads them before or after it begins."""

from __future__ import annotations

import subprocess
import sys

import pytest

DRAWS = {
    "random": "import random; drawn = random.random()",
    "numpy": "import numpy; drawn = float(numpy.random.rand())",
    "torch": "import torch; drawn = float(torch.rand(())), torch.get_num_threads()",
}
SEED = "from heredity.engine.trials.seeding import seed_generators; seed_generators({seed})"


def drawn(*lines: str) -> str:
    """What a new process draws."""
    program = "\n".join((*lines, "print(drawn)"))
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("name", DRAWS)
def test_loaded_before_or_after_the_same_is_drawn(name: str) -> None:
    draw = DRAWS[name]
    late = drawn(SEED.format(seed=7), draw)
    assert late == drawn(draw, SEED.format(seed=7), draw)
    assert late != drawn(SEED.format(seed=8), draw)


def test_the_last_seed_counts_for_what_is_loaded_later() -> None:
    draw = DRAWS["numpy"]
    assert drawn(SEED.format(seed=8), SEED.format(seed=7), draw) == drawn(SEED.format(seed=7), draw)


def test_a_module_keeps_its_own_loader() -> None:
    told = "import numpy.random as loaded; drawn = type(loaded.__loader__), type(loaded.__spec__.loader)"
    assert "Announcing" not in drawn(SEED.format(seed=7), told)


def test_what_is_not_there_is_not_found() -> None:
    absent = "import sys, importlib.util; sys.meta_path[1:] = []; drawn = importlib.util.find_spec('torch')"
    assert drawn(SEED.format(seed=7), absent) == "None"
