"""JAX's arrays to the store and back: the only bridge between the two. Needs the package jax."""

from __future__ import annotations

import jax
import numpy as np

from heredity.errors import InvalidTensor
from heredity.store import Framework, TensorData
from heredity.store.tensors import from_numpy, to_numpy


class _Jax:
    """JAX's arrays, found by the store through the entry points of this package."""

    def to_tensor_data(self, value: jax.Array, /) -> TensorData:
        """See `Framework.to_tensor_data`. On a CPU nothing is copied; from an accelerator the bytes are."""
        problem = _problem_of(value)
        if problem:
            raise InvalidTensor(
                f"A JAX array that {problem} cannot be stored.",
                hint="Bring its values together first, as by jax.device_get(value).",
            )
        if not isinstance(value.dtype, np.dtype):
            raise InvalidTensor(
                f"A JAX array of {value.dtype} is opaque and cannot be stored.",
                hint="Store what it is made of, as by jax.random.key_data(key).",
            )
        return from_numpy(np.asarray(value))

    def from_tensor_data(self, data: TensorData, /) -> jax.Array:
        """See `Framework.from_tensor_data`. The array lies on JAX's default device."""
        array = to_numpy(data)
        if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
            # JAX would make 32 bits of it, without a word.
            raise InvalidTensor(
                f"JAX has no {data.dtype} as it is configured.",
                hint="Call jax.config.update('jax_enable_x64', True) before, or load with framework='numpy'.",
            )
        placed: jax.Array = jax.device_put(array)
        return placed


def _problem_of(value: jax.Array) -> str:
    """Why the values of this array are not all at hand; empty if they are."""
    if isinstance(value, jax.core.Tracer):
        return "is being traced, and has no values,"
    if value.is_deleted():
        return "was deleted or donated"
    if not value.is_fully_addressable:
        return "lies on devices of other processes"
    if not value.is_fully_replicated:
        return f"is cut over {len(value.sharding.device_set)} devices"
    return ""


JAX: Framework = _Jax()
