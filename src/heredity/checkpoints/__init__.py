"""torch modules, state dicts and files to the store and back: the only bridge between the two."""

import heredity.needs_torch  # noqa: F401  # it says what to install
from heredity.checkpoints.modules import load, save_module, tensors_of
from heredity.checkpoints.optimizer import (
    OPTIMIZER_PREFIX,
    is_of_optimizer,
    optimizer_state,
    optimizer_tensors,
)
from heredity.checkpoints.pt_files import PT_SUFFIXES, export_pt, read_pt
from heredity.checkpoints.torch_tensors import TORCH, torch_dtype

__all__ = [
    "OPTIMIZER_PREFIX",
    "PT_SUFFIXES",
    "TORCH",
    "export_pt",
    "is_of_optimizer",
    "load",
    "optimizer_state",
    "optimizer_tensors",
    "read_pt",
    "save_module",
    "tensors_of",
    "torch_dtype",
]
