"""A Keras model's variables into the store and back, by names that a second model of its kind has, too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from heredity.errors import InputError, TransferRefused
from heredity.store import TensorData
from heredity.store.frameworks import framework, to_tensor_data
from heredity.store.tensors import from_numpy, to_numpy

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.store import Checkpoint, Store

_MOST_SHOWN = 10


def named_variables(model: keras.Model) -> dict[str, Any]:
    """A model's variables by their paths, without the model's own name.

    Keras numbers layers through the whole process (``dense_7``); here they are numbered through the model, so
    that two models of one architecture have the same names.

    Args:
        model: Of any backend; built.

    Raises:
        InputError: It is no model, or has not been built yet; or two of its layers have one name.
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a keras.Model, got {type(model).__name__} {model!r:.60}.")
    if not model.built:
        raise InputError(
            f"{model.name}: it has no variables yet.", hint="Give it a keras.Input, or call it once."
        )
    seen: dict[tuple[str, ...], tuple[str, ...]] = {}
    taken: Counter[tuple[str, ...]] = Counter()
    named: dict[str, Any] = {}
    for variable in model.variables:
        parts = variable.path.split("/")
        parts = parts[1:] if parts[0] == model.name else parts
        name = "/".join(_renumbered(tuple(parts), seen, taken)).replace(".", "_")
        if name in named:
            raise InputError(f"{model.name}: two variables are called {variable.path!r}.")
        named[name] = variable
    return named


def is_seed(variable: Any) -> bool:  # noqa: ANN401  # Keras has no types
    """Whether it is where a stream of random numbers stands, which is nothing learned."""
    return str(variable.path).endswith("seed_generator_state")


def put_variables(
    store: Store,
    model: keras.Model,
    *,
    key: str,
    parents: Sequence[str | Checkpoint] = (),
    score: float | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> Checkpoint:
    """Publish a model's variables; with any backend.

    Args:
        store: Where to.
        model: The model; built.
        key: The checkpoint's name; used once.
        parents: Checkpoints that the weights descend from.
        score: How good they are.
        metadata: Whatever should be found with the weights.

    Returns:
        The checkpoint; it can be loaded with another backend.

    Raises:
        InputError: As for `named_variables`.
        KeyTaken: The key belongs to other content.
    """
    tensors = {name: _tensor_of(variable) for name, variable in named_variables(model).items()}
    return store.put(key, tensors, parents=parents, score=score, metadata=metadata)


def load_variables(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Read a model's variables back; all of them, or nothing is changed.

    Args:
        model: Of the same architecture; built; with any backend.
        checkpoint: What `put_variables` has published, or `heredity.save` of `as_module`, in which the
            streams of random numbers are not: the model's own stay then.

    Raises:
        TransferRefused: The architecture is another one; the message has all paths.
        InputError: As for `named_variables`.
        CorruptCheckpoint: A tensor is not what its digest says.
    """
    table = checkpoint.manifest.tensors
    variables = {
        name: variable
        for name, variable in named_variables(model).items()
        if name in table or not is_seed(variable)
    }
    problems = list(_problems(checkpoint, variables))
    if problems:
        more = [f"… and {len(problems) - _MOST_SHOWN} more"] if len(problems) > _MOST_SHOWN else []
        raise TransferRefused(
            "\n".join([f"{checkpoint.key} is no {model.name}:", *problems[:_MOST_SHOWN], *more]),
            hint="With torch as Keras's backend, heredity.inherit(as_module(model), …) goes across sizes.",
        )
    read = checkpoint.read(list(variables))
    for name, variable in variables.items():
        variable.assign(_value_of(read[name]))


def _renumbered(
    parts: tuple[str, ...],
    seen: dict[tuple[str, ...], tuple[str, ...]],
    taken: Counter[tuple[str, ...]],
) -> tuple[str, ...]:
    """The parts of a path, each numbered among those of the same name at its place."""
    if not parts:
        return ()
    if parts not in seen:
        before = _renumbered(parts[:-1], seen, taken)
        plain = re.sub(r"_\d+$", "", parts[-1])
        number = taken[*before, plain]
        taken[*before, plain] += 1
        seen[parts] = (*before, f"{plain}_{number}" if number else plain)
    return seen[parts]


def _tensor_of(variable: Any) -> TensorData:  # noqa: ANN401  # Keras has no types
    value = variable.value
    tensor = to_tensor_data(value.detach() if keras.backend.backend() == "torch" else value)
    # Of streams of random numbers each backend has its own kind of integers.
    return from_numpy(to_numpy(tensor).astype(np.int64)) if is_seed(variable) else tensor


def _value_of(tensor: TensorData) -> Any:  # noqa: ANN401  # an array of the backend's
    backend = keras.backend.backend()
    return framework("torch" if backend == "torch" else "numpy").from_tensor_data(tensor)


def _problems(checkpoint: Checkpoint, variables: Mapping[str, Any]) -> list[str]:
    table = checkpoint.manifest.tensors
    found = []
    for name, variable in variables.items():
        own = _tensor_of(variable)
        expected = f"{own.dtype} {list(own.shape)}"
        stored = f"{table[name].dtype} {list(table[name].shape)}" if name in table else "nothing"
        if stored != expected:
            found.append(f"{name}: expected {expected}, found {stored}")
    extra = [name for name in table if name not in variables and not name.startswith("optimizer/")]
    return [*found, *(f"{name}: it is in the checkpoint, but not in the model" for name in extra)]
