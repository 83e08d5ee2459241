"""Keras 3: a model's variables in the store; with torch as its backend, models that inherit by the transfer.

Set Keras's backend before this is imported. With JAX as the backend no torch is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heredity.integrations.keras.callback import Inherit
    from heredity.integrations.keras.modules import as_module
    from heredity.integrations.keras.variables import load_variables, named_variables, put_variables

__all__ = ["Inherit", "as_module", "load_variables", "named_variables", "put_variables"]

_HOME = {"Inherit": "callback", "as_module": "modules"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'heredity.integrations.keras' has no attribute {name!r}")
    home = importlib.import_module(f"heredity.integrations.keras.{_HOME.get(name, 'variables')}")
    value: object = getattr(home, name)
    globals()[name] = value
    return value
