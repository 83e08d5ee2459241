"""A Keras model, with torch as its backend, as a module that can be traced, on the same tensors."""

from __future__ import annotations

from typing import Any

import keras
import torch

from heredity.errors import InputError
from heredity.integrations.keras.variables import is_seed, named_variables


def as_module(model: keras.Model) -> torch.nn.Module:
    """The module to save and to inherit with, on the model's own tensors: what is copied is in the model.

    A Keras model is a module of torch's already, but computes with its variables and not with the parameters
    that the module shows, so that a trace of it would hold no weights.

    Args:
        model: Built, with torch as Keras's backend.

    Returns:
        A module whose state dict has the names of `named_variables`. In training mode it computes as
        ``model(x, training=True)`` does, and changes nothing of the model.

    Raises:
        InputError: The backend is another one; or as for `named_variables`.
    """
    backend = keras.backend.backend()
    if backend != "torch":
        raise InputError(
            f"as_module: expected Keras with torch as its backend, got {backend!r}.",
            hint="Set KERAS_BACKEND=torch; or keep the weights of one architecture by `put_variables`.",
        )
    return _Module(model)


class _Module(torch.nn.Module):
    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self._kept = (model,)  # in a tuple: as a submodule it would show its parameters a second time
        self._by_name = {name: each for name, each in named_variables(model).items() if not is_seed(each)}
        for name, variable in self._by_name.items():
            value = variable.value
            if variable.trainable:
                self.register_parameter(name, value)
            else:
                self.register_buffer(name, value.detach())

    def forward(self, *inputs: Any, **named: Any) -> Any:  # noqa: ANN401  # whatever the model takes
        given = [(variable, getattr(self, name)) for name, variable in self._by_name.items()]
        with keras.StatelessScope(state_mapping=given):
            return self._kept[0](*inputs, training=self.training, **named)
