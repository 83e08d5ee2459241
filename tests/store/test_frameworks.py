"""Arrays of other packages are found through their entry points, and the store needs to know none of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from heredity.errors import InputError, InvalidTensor
from heredity.store import Store, TensorData, frameworks
from heredity.store.frameworks import to_tensor_data


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    """An installed package of arrays, which offers its framework."""
    (tmp_path / "toyarrays.py").write_text(
        "from heredity.store import TensorData\n"
        "class Array:\n"
        "    def __init__(self, data): self.data = data\n"
        "class Offer:\n"
        "    def to_tensor_data(self, value): return TensorData('U8', (len(value.data),), value.data)\n"
        "    def from_tensor_data(self, data): return Array(bytes(data.data))\n"
        "OFFER = Offer()\n"
    )
    info = tmp_path / "toyarrays-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyarrays\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[heredity.frameworks]\ntoyarrays = toyarrays:OFFER\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toyarrays", raising=False)
    import toyarrays  # type: ignore[import-not-found]  # made above

    kind: type = toyarrays.Array
    # Each test has a package of its own under this name, which no program has.
    frameworks._find.cache_clear()
    return kind


def test_an_installed_framework_saves_and_loads(store: Store, toy: type) -> None:
    derived = type("Derived", (toy,), {})
    store.put("a", {"x": toy(b"123"), "y": derived(b"45")})
    loaded = store["a"].tensors(framework="toyarrays")
    assert {name: (type(value), value.data) for name, value in loaded.items()} == {
        "x": (toy, b"123"),
        "y": (toy, b"45"),
    }


@pytest.mark.parametrize("value", [[1.0, 2.0], 3.0, "text", None, b"bytes"])
def test_what_is_no_array_is_refused(value: object) -> None:
    with pytest.raises(InvalidTensor, match="is no tensor"):
        to_tensor_data(value)


def test_a_tensor_of_ours_is_taken_as_it_is() -> None:
    tensor = TensorData("BF16", (1,), b"12")
    assert to_tensor_data(tensor) is tensor


def test_a_framework_that_is_not_installed_is_named(store: Store) -> None:
    checkpoint = store.put("a", {"x": np.zeros(1)})
    with pytest.raises(InputError, match=r"'abacus'.*numpy"):
        checkpoint.tensors(framework="abacus")


def test_the_store_loads_no_torch() -> None:
    code = "import heredity.store, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
