"""Trees of JAX's arrays come back bit by bit, or are refused with the path of what is wrong."""

from __future__ import annotations

import secrets
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import heredity as hd
from heredity.errors import InputError, InvalidTensor, TransferRefused
from heredity.integrations.jax import load_tree, put_tree


@pytest.fixture
def store() -> hd.Store:
    return hd.open_store(f"memory://{secrets.token_hex(8)}")


@jax.tree_util.register_dataclass
@dataclass
class Layer:
    kernel: jax.Array
    bias: Any


class Moments(NamedTuple):
    steps: jax.Array
    mu: dict[str, jax.Array]


def tree() -> dict[str, Any]:
    """All that a tree may hold; JAX's arrays of one value but for the layer's kernel."""
    return {
        "params": {"Dense_0": Layer(jnp.arange(6.0).reshape(2, 3), None), "empty": {}},
        "list": [jnp.ones(2, jnp.bfloat16), (jnp.zeros(1, jnp.int8),)],
        "state": Moments(jnp.asarray(3), {"w": jnp.ones((0, 2))}),
        "numbers": {"step": 7, "rate": 0.1, "done": True},
        "numpy": np.arange(3, dtype=np.float64),
        "key": jax.random.key(5),
    }


def bits(leaf: Any) -> tuple[type, str, bytes]:
    is_key = jnp.issubdtype(getattr(leaf, "dtype", int), jax.dtypes.prng_key)
    array = np.asarray(jax.random.key_data(leaf) if is_key else leaf)
    return type(leaf), str(getattr(leaf, "dtype", "")), array.tobytes()


def test_all_of_a_tree_comes_back_bit_by_bit(store: hd.Store) -> None:
    given = tree()
    again = load_tree(put_tree(store, given, key="a"), given)
    structures: list[Any] = [jax.tree.structure(each) for each in (again, given)]
    assert structures[0] == structures[1]
    assert [bits(leaf) for leaf in jax.tree.leaves(again)] == [bits(leaf) for leaf in jax.tree.leaves(given)]


def test_tensors_are_named_by_their_paths(store: hd.Store) -> None:
    names = set(put_tree(store, tree(), key="a").manifest.tensors)
    assert {"params/Dense_0/kernel", "list/1/0", "state/mu/w", "numbers/step", "key"} <= names


def test_a_tree_that_is_one_array_has_a_name_too(store: hd.Store) -> None:
    checkpoint = put_tree(store, jnp.ones(3), key="a")
    np.testing.assert_array_equal(load_tree(checkpoint, jnp.zeros(3)), np.ones(3))


def test_shapes_without_values_are_enough_to_load(store: hd.Store) -> None:
    given = {"w": jnp.arange(3.0), "key": jax.random.key(5, impl="rbg")}
    again = load_tree(put_tree(store, given, key="a"), jax.eval_shape(lambda: given))
    assert [bits(leaf) for leaf in jax.tree.leaves(again)] == [bits(leaf) for leaf in jax.tree.leaves(given)]


def test_who_has_seen_a_random_key_draws_the_same_numbers(store: hd.Store) -> None:
    given = jax.random.key(5)
    again = load_tree(put_tree(store, given, key="a"), jax.random.key(0))
    assert jax.random.uniform(again) == jax.random.uniform(given)


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({"w": jnp.ones((2, 4))}, r"w: expected F32 \[2, 4\], found F32 \[2, 3\]"),
        ({"w": jnp.ones((2, 3), jnp.int32)}, r"w: expected I32 \[2, 3\], found F32 \[2, 3\]"),
        ({"v": jnp.ones(1)}, r"v: expected F32 \[1\], but it is not in the checkpoint"),
        ({"v": jnp.ones(1)}, r"w: it is in the checkpoint, but not in the tree"),
        ({"w": jax.random.key(1)}, r"w: expected U32 \[2\] of a key<fry>, found F32 \[2, 3\]"),
        ({"w": None}, r"w: it is in the checkpoint, but not in the tree"),
        ({"w": "text"}, r"w: expected a str, which is never stored, found F32"),
    ],
)
def test_another_tree_is_refused_with_path_shape_and_dtype(store: hd.Store, like: Any, message: str) -> None:
    checkpoint = put_tree(store, {"w": jnp.ones((2, 3))}, key="a")
    with pytest.raises(TransferRefused, match=message):
        load_tree(checkpoint, like)


def test_of_many_differences_the_first_ten_are_told(store: hd.Store) -> None:
    checkpoint = put_tree(store, {}, key="a")
    with pytest.raises(TransferRefused, match="and 2 more"):
        load_tree(checkpoint, [jnp.ones(1)] * 12)


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ("text", "a/b: expected an array or a number, got str 'text'"),
        (2**70, "a/b: "),
        (np.asarray([1 + 2j]), "a/b: "),
    ],
)
def test_what_cannot_be_stored_is_named_by_its_path(store: hd.Store, leaf: Any, message: str) -> None:
    with pytest.raises(InvalidTensor, match=message):
        put_tree(store, {"a": {"b": leaf}}, key="a")
    assert list(store) == []


def test_an_array_that_is_being_traced_is_named_by_its_path(store: hd.Store) -> None:
    with pytest.raises(InvalidTensor, match="a/b: A JAX array that is being traced"):
        jax.jit(lambda x: put_tree(store, {"a": {"b": x}}, key="a"))(1.0)


def test_two_leaves_of_one_name_are_refused(store: hd.Store) -> None:
    with pytest.raises(InputError, match=r"two leaves of the tree are called 'a/b'"):
        put_tree(store, {"a": {"b": 1}, "a/b": 2}, key="a")


def test_our_entry_of_the_metadata_is_not_the_users(store: hd.Store) -> None:
    with pytest.raises(InputError, match="the entry 'jax' of the metadata is ours"):
        put_tree(store, {}, key="a", metadata={"jax": 1})
    assert put_tree(store, {}, key="a", metadata={"epochs": 3}, score=0.5).metadata["epochs"] == 3


def test_a_tree_shares_with_its_parent_what_has_not_changed(store: hd.Store) -> None:
    put_tree(store, {"frozen": jnp.ones(8), "w": jnp.zeros(8)}, key="a")
    second = put_tree(store, {"frozen": jnp.ones(8), "w": jnp.ones(8) * 2}, key="b", parents=["a"])
    owners = {name: entry.owner for name, entry in second.manifest.tensors.items()}
    assert owners == {"frozen": "a", "w": "b"}


def test_trees_need_no_torch() -> None:
    command = "import sys, heredity.integrations.jax; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
