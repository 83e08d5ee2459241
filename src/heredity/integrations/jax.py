"""JAX: trees of arrays, as Flax, Optax and others have them, into the store and out of it again.

A tree's leaves become tensors, named by their paths: ``params/Dense_0/kernel``. Its containers are not
stored: whoever loads gives a tree of the same form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from heredity.errors import InputError, InvalidTensor, TransferRefused
from heredity.jax_arrays import JAX
from heredity.store.tensors import from_numpy, to_numpy

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.store import Checkpoint, Store, TensorData

Tree = TypeVar("Tree")

ENTRY = "jax"
"""Our entry in the metadata: which tensors are the data of random keys, and of which kind."""

_NUMBERS = {bool: np.bool_, int: np.int64, float: np.float64}
_KINDS = ("threefry2x32", "rbg", "unsafe_rbg")
_MOST_SHOWN = 10


def put_tree(
    store: Store,
    tree: object,
    *,
    key: str,
    parents: Sequence[str | Checkpoint] = (),
    score: float | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> Checkpoint:
    """Publish a tree's leaves: arrays of JAX and numpy, numbers of Python, random keys.

    Args:
        store: Where to.
        tree: Whatever JAX knows as a tree: dicts, lists, dataclasses, Flax's and Optax's states.
        key: The checkpoint's name; used once.
        parents: Checkpoints that the weights descend from.
        score: How good they are.
        metadata: Whatever should be found with the weights.

    Returns:
        The checkpoint; its tensors have the leaves' paths as names.

    Raises:
        InvalidTensor: A leaf cannot be stored; the message has its path.
        InputError: Two leaves have one name, or the metadata have an entry of ours.
        KeyTaken: The key belongs to other content.
    """
    if metadata and ENTRY in metadata:
        raise InputError(f"put_tree: the entry {ENTRY!r} of the metadata is ours.", hint="Call it otherwise.")
    leaves = _leaves(tree)
    keys: dict[str, Json] = {name: str(leaf.dtype) for name, leaf in leaves.items() if _is_key(leaf)}
    about: dict[str, Json] = {ENTRY: {"format": 1, "keys": keys}}
    return store.put(
        key,
        {name: _stored(name, leaf) for name, leaf in leaves.items()},
        parents=parents,
        score=score,
        metadata={**(metadata or {}), **about},
    )


def load_tree(checkpoint: Checkpoint, like: Tree) -> Tree:
    """Read a tree back, bit by bit.

    Args:
        checkpoint: What `put_tree` has published, or any other with such names.
        like: A tree of the same form, of which only the form, the shapes and the dtypes count; also what
            ``jax.eval_shape`` gives. What holds no leaf (None, an empty dict) comes back as it is here.

    Returns:
        The tree. Arrays lie on JAX's default device, or are numpy's where those of `like` are; numbers of
        Python are such again, and random keys are of the kind that `like` has.

    Raises:
        TransferRefused: The form, a shape or a dtype is another one; the message has all paths.
        CorruptCheckpoint: A tensor is not what its digest says.
    """
    leaves = _leaves(like)
    problems = list(_problems(checkpoint, leaves))
    if problems:
        more = [f"… and {len(problems) - _MOST_SHOWN} more"] if len(problems) > _MOST_SHOWN else []
        raise TransferRefused(
            "\n".join([f"{checkpoint.key} is no tree like this one:", *problems[:_MOST_SHOWN], *more]),
            hint="`like` must have the form, the shapes and the dtypes that were put.",
        )
    read = checkpoint.read(list(leaves))
    values = [_restored(read[name], leaf) for name, leaf in leaves.items()]
    tree: Tree = jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(like), values)
    return tree


def _leaves(tree: object) -> dict[str, Any]:
    """The leaves by their names, in the tree's order."""
    leaves: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "."
        if name in leaves:
            raise InputError(
                f"two leaves of the tree are called {name!r}.",
                hint="A key with a slash in it looks like two keys: call it otherwise.",
            )
        leaves[name] = leaf
    return leaves


def _is_key(leaf: Any) -> bool:  # noqa: ANN401  # whatever a tree holds
    dtype = getattr(leaf, "dtype", None)
    return dtype is not None and bool(jnp.issubdtype(dtype, jax.dtypes.prng_key))


def _stored(name: str, leaf: Any) -> TensorData:  # noqa: ANN401  # whatever a tree holds
    try:
        if isinstance(leaf, jax.Array):
            return JAX.to_tensor_data(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
        if isinstance(leaf, np.ndarray | np.generic):
            return from_numpy(np.asarray(leaf))
        if type(leaf) in _NUMBERS:
            return from_numpy(np.asarray(leaf, dtype=_NUMBERS[type(leaf)]))
    except (InvalidTensor, OverflowError) as error:
        raise InvalidTensor(f"{name}: {error}") from error
    raise InvalidTensor(
        f"{name}: expected an array or a number, got {type(leaf).__name__} {leaf!r:.60}.",
        hint="Keep in the tree what is trained, as by flax.nnx.split(model) or jax.tree.map.",
    )


def _problems(checkpoint: Checkpoint, leaves: Mapping[str, Any]) -> list[str]:
    tensors = checkpoint.manifest.tensors
    entry = checkpoint.metadata.get(ENTRY)
    keys = entry.get("keys") if isinstance(entry, Mapping) else None
    kinds = keys if isinstance(keys, Mapping) else {}
    found = []
    for name, leaf in leaves.items():
        expected = _form(leaf)
        if name not in tensors:
            found.append(f"{name}: expected {expected}, but it is not in the checkpoint")
            continue
        said = kinds.get(name)
        stored = _shown(tensors[name].dtype, tensors[name].shape) + (f" of a {said}" if said else "")
        if stored != expected:
            found.append(f"{name}: expected {expected}, found {stored}")
    extra = [name for name in tensors if name not in leaves]
    return [*found, *(f"{name}: it is in the checkpoint, but not in the tree" for name in extra)]


def _form(leaf: Any) -> str:  # noqa: ANN401  # whatever a tree holds
    """A leaf's dtype and shape as they would be stored."""
    if _is_key(leaf):
        data = jax.eval_shape(jax.random.key_data, leaf)
        return f"{_shown(_name_of(data.dtype), data.shape)} of a {leaf.dtype}"
    if type(leaf) in _NUMBERS:
        return _shown(_name_of(np.dtype(_NUMBERS[type(leaf)])), ())
    if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
        return _shown(_name_of(leaf.dtype), leaf.shape)
    return f"a {type(leaf).__name__}, which is never stored"


def _name_of(dtype: Any) -> str:  # noqa: ANN401  # numpy's, or a class of JAX's
    return from_numpy(np.empty(0, dtype)).dtype


def _shown(dtype: str, shape: Sequence[int]) -> str:
    return f"{dtype} {list(shape)}"


def _restored(data: TensorData, leaf: Any) -> object:  # noqa: ANN401  # whatever a tree holds
    if type(leaf) in _NUMBERS:
        return to_numpy(data).item()
    if isinstance(leaf, np.ndarray | np.generic):
        array = to_numpy(data)
        return array[()] if isinstance(leaf, np.generic) else array
    array = JAX.from_tensor_data(data)
    return jax.random.wrap_key_data(array, impl=_kind_of(leaf)) if _is_key(leaf) else array


def _kind_of(leaf: Any) -> Any:  # noqa: ANN401  # what JAX says of keys has no public type
    if isinstance(leaf, jax.Array):
        return jax.random.key_impl(leaf)
    # Of a key's shape alone JAX does not tell the kind.
    return next(kind for kind in _KINDS if _dtype_of_kind(kind) == leaf.dtype)


def _dtype_of_kind(kind: str) -> object:
    return jax.eval_shape(lambda: jax.random.key(0, impl=kind)).dtype
