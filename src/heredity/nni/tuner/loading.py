"""The classes of a tuner and of an assessor from their files, with NNI's names on the path for them."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heredity.encoding import Json
from heredity.engine.function import FunctionReference, load_object
from heredity.errors import ConfigError
from heredity.nni.tuner.called import CalledTuner
from heredity.nni.tuner.standing import native_threads

SHIM = Path(__file__).resolve().parent.parent / "shim"
"""The folder in which `import nni` is to find what it looks for."""


def load_tuner(
    module: str, name: str, *, folder: Path, arguments: Mapping[str, Json], seed: int
) -> CalledTuner:
    """Import a tuner's class and make one of it.

    Args:
        module: The file's name without ``.py``.
        name: The class.
        folder: Where the file lies; what it imports may lie there too.
        arguments: What the class is made with.
        seed: Of the generators of Python and numpy, so that a tuner which draws from them repeats itself.

    Raises:
        ConfigError: There is no such file or class, or it cannot be made with these arguments.
    """
    before = native_threads()
    shim = _shim()
    base: type = importlib.import_module("nni.tuner").Tuner
    random.seed(seed)
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random").seed(seed % 2**32)
    tuner = _made(FunctionReference(module, name, folder=str(folder)), arguments, base=base)
    return CalledTuner(
        tuner, no_more_trial=shim.NoMoreTrialError, base=base, threads=native_threads() - before
    )


def load_assessor(module: str, name: str, *, folder: Path, arguments: Mapping[str, Json]) -> Any:  # noqa: ANN401  # the user's
    """Import an assessor's class and make one of it; as `load_tuner`.

    Raises:
        ConfigError: There is no such file or class, or it cannot be made with these arguments.
    """
    _shim()
    base: type = importlib.import_module("nni.assessor").Assessor
    return _made(FunctionReference(module, name, folder=str(folder)), arguments, base=base)


def _made(reference: FunctionReference, arguments: Mapping[str, Json], *, base: type) -> Any:  # noqa: ANN401  # the user's
    where = f"{base.__name__.lower()} {reference.module}.{reference.name}"
    kind = load_object(reference)
    if not isinstance(kind, type) or not issubclass(kind, base):
        expected = f"a class that derives from {base.__module__}.{base.__name__}"
        raise ConfigError(f"{where}: expected {expected}, got {kind!r:.80}.")
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{where}: cannot be made with classArgs: {error}.") from error


def _shim() -> Any:  # noqa: ANN401  # a module
    if str(SHIM) not in sys.path:
        sys.path.insert(0, str(SHIM))
    shim = importlib.import_module("nni")
    if Path(str(shim.__file__)).resolve().parent.parent != SHIM:
        raise ConfigError(
            f"this process has imported {shim.__file__} already; a tuner needs the names of Heredity's own.",
            hint="Run the experiment in a process of its own, by `heredity run`.",
        )
    return shim
