"""Where arrays of numpy, torch and others become tensors, and tensors become arrays again."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, Protocol

import numpy as np

from heredity.errors import InputError, InvalidTensor
from heredity.store.tensors import TensorData, from_numpy, to_numpy

GROUP = "heredity.frameworks"
"""Entry points by which a package offers its framework: name = the top-level module of its arrays."""


class Framework(Protocol):
    """How one framework's arrays become tensors and back. Stateless; called from any thread."""

    def to_tensor_data(self, value: Any, /) -> TensorData:  # noqa: ANN401  # Any: the framework's own array
        """Return the array's bytes, dtype and shape, copying only if it must.

        Raises:
            InvalidTensor: This array cannot be stored; the message says why.
        """
        ...

    def from_tensor_data(self, data: TensorData, /) -> Any:  # noqa: ANN401  # Any: the framework's own array
        """Return an array on these bytes, which belong to it alone and may be written to.

        Raises:
            InvalidTensor: The framework has no such dtype.
        """
        ...


class _Numpy:
    def to_tensor_data(self, value: Any, /) -> TensorData:  # noqa: ANN401  # as in the protocol
        return from_numpy(value)

    def from_tensor_data(self, data: TensorData, /) -> Any:  # noqa: ANN401  # as in the protocol
        return to_numpy(data)


NUMPY: Framework = _Numpy()


def framework(name: str) -> Framework:
    """Find a framework by the name of its top-level module, such as ``"torch"``.

    Raises:
        InputError: No installed package offers it, or it is not installed itself.
    """
    found = _find(name)
    if found is None:
        known = sorted({"numpy", *(point.name for point in entry_points(group=GROUP))})
        raise InputError(
            f"There is no framework {name!r}; installed are {', '.join(known)}.",
            hint=f"A package offers one by an entry point in the group {GROUP!r}.",
        )
    return found


def to_tensor_data(value: object) -> TensorData:
    """Make a tensor of a `TensorData`, a numpy array, or an array of an installed framework.

    Raises:
        InvalidTensor: The value is none of these, or cannot be stored.
    """
    if isinstance(value, TensorData):
        return value
    return _framework_of(type(value)).to_tensor_data(value)  # type: ignore[arg-type]  # a class is hashable


@lru_cache(maxsize=256)
def _framework_of(kind: type[object]) -> Framework:
    if issubclass(kind, np.ndarray | np.generic):
        return NUMPY
    # Through the bases, so that a user's subclass of torch.Tensor is one of torch's.
    for module in dict.fromkeys(base.__module__.partition(".")[0] for base in kind.__mro__):
        found = None if module == "builtins" else _find(module)
        if found is not None:
            return found
    raise InvalidTensor(
        f"A value of type {kind.__module__}.{kind.__qualname__} is no tensor.",
        hint="Expected a TensorData, a numpy array, or a tensor of an installed framework such as torch.",
    )


# Looking through all installed packages takes milliseconds, more than loading a small checkpoint.
@lru_cache(maxsize=64)
def _find(name: str) -> Framework | None:
    if name == "numpy":
        return NUMPY
    for point in entry_points(group=GROUP, name=name):
        try:
            found: Framework = point.load()
        except ModuleNotFoundError as error:
            # This package offers frameworks that need not be installed.
            if error.name != name:
                raise
            raise InputError(
                f"The framework {name!r} is known, but the package is not installed.",
                hint=f"Install it: pip install {name}.",
            ) from error
        return found
    return None
