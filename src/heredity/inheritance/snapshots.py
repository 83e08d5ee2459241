"""A module's values put aside in the host's memory, to be put back."""

from __future__ import annotations

from collections.abc import Collection

import torch


class Snapshot:
    """Copies of a module's parameters and buffers, on the host, whatever device the module is on.

    Args:
        module: The module; buffers outside of the state dict are copied too.
        names: Which tensors; by default all. A tied tensor may be named by any of its names.
    """

    def __init__(self, module: torch.nn.Module, *, names: Collection[str] | None = None) -> None:
        self._tensors = _tensors(module)
        wanted = self._tensors if names is None else names
        self._values = {name: _host_copy(self._tensors[name]) for name in wanted}

    def restore(self) -> None:
        """Put the values back, in place."""
        with torch.no_grad():
            for name, value in self._values.items():
                self._tensors[name].copy_(value)

    def value(self, name: str) -> torch.Tensor:
        """A tensor's value as it was, on the host."""
        return self._values[name]


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def _host_copy(tensor: torch.Tensor) -> torch.Tensor:
    detached = tensor.detach()
    return detached.clone() if detached.device.type == "cpu" else detached.to("cpu")
