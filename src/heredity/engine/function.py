"""A trial function by its name: found before a trial starts, loaded in each worker."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from heredity.encoding import Json
from heredity.errors import ConfigError

_REFERENCE = re.compile(r"(?P<module>.+?):(?P<name>[A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True)
class FunctionReference:
    """Where a trial function stands: ``folder/train.py:train`` or ``package.module:train``."""

    module: str
    """A module's dotted name; with `folder`, the name of a file in it without ``.py``."""
    name: str
    folder: str | None = None
    arguments: Sequence[Json] = ()
    """What the function is called with before the trial."""

    def __str__(self) -> str:
        return f"{self.module}.py:{self.name}" if self.folder is not None else f"{self.module}:{self.name}"

    def load(self) -> Callable[..., object]:
        """Import the module and take the function from it.

        Raises:
            ConfigError: There is no such file, module or function, or it takes no trial. What the module
                raises while it is imported is passed on as it is.
        """
        function = load_object(self)
        if self.arguments and callable(function):
            function = partial(function, *self.arguments)
        if not callable(function) or not _takes_one_argument(function):
            raise ConfigError(
                f"function {str(self)!r}: expected a function of one argument, the trial; got {function!r}.",
                hint="Name a function that takes a trial: `def train(trial): ...`.",
            )
        loaded: Callable[..., object] = function
        return loaded

    def load_module(self) -> ModuleType:
        """Import the module.

        Raises:
            ConfigError: There is no such file or module.
        """
        if self.folder is None:
            return _import(self.module, where=str(self))
        path = Path(self.folder, f"{self.module}.py")
        if not path.is_file():
            raise ConfigError(f"function {str(self)!r}: there is no file {path}.")
        if self.folder not in sys.path:
            sys.path.insert(0, self.folder)  # for the modules that lie beside it
        found = sys.modules.get(self.module)
        if found is None:
            found = _import(self.module, where=str(self))
        return found if _is_of_file(found, path) else _import_file(path)


@dataclass(frozen=True, slots=True)
class HeldFunction:
    """A function that this process holds already; other processes cannot be told of it."""

    function: Callable[..., object]

    def __str__(self) -> str:
        return self.function.__qualname__

    def load(self) -> Callable[..., object]:
        """Return the function."""
        return self.function


TrialFunction = FunctionReference | HeldFunction


def parse_function_reference(text: str, *, folder: Path) -> FunctionReference:
    """Read ``file.py:function``, relative to a folder, or ``package.module:function``.

    Raises:
        ConfigError: The text has neither form.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ConfigError(
            f"function {text!r}: expected 'file.py:function' or 'package.module:function'.",
            hint="For example 'train.py:train'.",
        )
    module, name = match["module"], match["name"]
    if not module.endswith(".py"):
        return FunctionReference(module, name)
    path = (folder / module).resolve()
    return FunctionReference(path.stem, name, folder=str(path.parent))


def load_object(reference: FunctionReference) -> object:
    """Take whatever has this name from its module.

    Raises:
        ConfigError: There is no such file, module or name.
    """
    found: object = getattr(reference.load_module(), reference.name, None)
    if found is None:
        raise ConfigError(
            f"function {str(reference)!r}: there is no {reference.name!r} in {reference.module}.",
            hint="Name what stands at the top of the module.",
        )
    return found


def reference_of(function: Callable[..., object]) -> FunctionReference:
    """Name a function that stands at the top of a module or of the running script.

    Raises:
        ConfigError: Another process could not find it by its name.
    """
    name, module = function.__qualname__, function.__module__
    if not name.isidentifier():
        raise ConfigError(
            f"function {name!r}: other processes can only find functions at the top of a module.",
            hint="Move it there, or use executor='inline'.",
        )
    if module != "__main__":
        return FunctionReference(module, name)
    path = getattr(sys.modules["__main__"], "__file__", None)
    if path is None:
        raise ConfigError(
            f"function {name!r}: it was typed in, so other processes cannot import it.",
            hint="Put it into a file, or use executor='inline'.",
        )
    return FunctionReference(Path(path).stem, name, folder=str(Path(path).resolve().parent))


def _import(module: str, *, where: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise ConfigError(
                f"function {where!r}: there is no module {error.name!r}.",
                hint="A file is named with its ending: 'train.py:train'.",
            ) from error
        raise  # something that the module itself imports is missing


def _is_of_file(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path.resolve()


def _import_file(path: Path) -> ModuleType:
    """Import a file whose name belongs to another module already, such as ``json.py``."""
    alias = f"{path.stem}_{hashlib.blake2b(str(path.resolve()).encode(), digest_size=6).hexdigest()}"
    if alias in sys.modules:
        return sys.modules[alias]
    spec = importlib.util.spec_from_file_location(alias, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: expected a Python file.")
    module = sys.modules[alias] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]  # as `import` does: the next attempt begins anew
        raise
    return module


def _takes_one_argument(function: Callable[..., object]) -> bool:
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        return False
    except ValueError:  # a built-in without a signature: let the call show it
        return True
    return True
