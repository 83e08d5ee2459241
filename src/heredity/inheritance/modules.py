"""The module that is meant: looked for behind wrappers, and refused where its values are not at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch.nn.parallel import DataParallel, DistributedDataParallel

from heredity.errors import InputError, InvalidTensor, TransferRefused

_BEFORE_WRAPPING = (
    "Call it on the plain module, with all its values in memory, before it is wrapped, sharded or quantised; "
    "in a distributed program on every process, or on the first one if the wrapper spreads its weights."
)
_WHEN_SAVING = (
    "Gather the whole state dict first, and give it to `store.put(key, state_dict)` on one process."
)
# Packages whose parameters hold codes of the values, and not the values.
_QUANTISERS = ("bitsandbytes", "torchao", "hqq", "quanto", "optimum", "auto_gptq", "awq")


Purpose = Literal["inherit", "load", "save"]


def plain_module(module: torch.nn.Module, *, purpose: Purpose) -> torch.nn.Module:
    """The module behind torch.compile, DataParallel and DistributedDataParallel, if its values are at hand.

    Args:
        module: A module, wrapped or not.
        purpose: What for. What is quantised can be saved and loaded as it is, but not inherit.

    Raises:
        InputError: It is no module.
        InvalidTensor: To be saved: a part of it is sharded, or has no values yet.
        TransferRefused: To inherit or load: the same, or a part of it is quantised.
    """
    inner = _unwrapped(module)
    if not isinstance(inner, torch.nn.Module):
        raise InputError(f"expected a torch module, got {type(inner).__name__} {inner!r:.60}.")
    problem = next(_problems(inner, needs_numbers=purpose == "inherit"), "")
    if problem and purpose == "save":
        raise InvalidTensor(f"{type(inner).__name__}: {problem}.", hint=_WHEN_SAVING)
    if problem:
        raise TransferRefused(f"{type(inner).__name__}: {problem}.", hint=_BEFORE_WRAPPING)
    return inner


def _unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    while True:
        # torch.compile's wrapper has no public name; its state dict says `_orig_mod` too.
        compiled = getattr(module, "_orig_mod", None)
        if isinstance(compiled, torch.nn.Module):
            module = compiled
        elif isinstance(module, DataParallel | DistributedDataParallel):
            module = module.module
        else:
            return module


def _problems(module: torch.nn.Module, *, needs_numbers: bool) -> Iterator[str]:
    for name, submodule in module.named_modules():
        if _comes_from(type(submodule), "torch.distributed.fsdp") and hasattr(submodule, "_handle"):
            yield f"{name or 'it'} is sharded by FSDP, and its parameters are pieces of flat ones"
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        problem = _problem_of(tensor) or (_codes_in(tensor) if needs_numbers else "")
        if problem:
            yield f"{name} {problem}"


def _problem_of(tensor: torch.Tensor) -> str:
    """Why a tensor does not hold the values that its name stands for; empty if it does."""
    kind = type(tensor)
    if hasattr(tensor, "device_mesh") and hasattr(tensor, "placements"):
        return f"is a {kind.__name__}, sharded over a mesh of devices (FSDP2 or tensor parallelism)"
    if hasattr(tensor, "ds_id"):
        return "is partitioned by DeepSpeed ZeRO-3"
    if torch.nn.parameter.is_lazy(tensor):
        return "has no shape yet: run the module once"
    if tensor.is_meta:
        return "is on the meta device and has no values"
    return ""


def _codes_in(tensor: torch.Tensor) -> str:
    """Why a tensor's bytes are not its values; empty if they are."""
    kind = type(tensor)
    # Index tables are parameters at times, but of more bits.
    is_small = isinstance(tensor, torch.nn.Parameter) and tensor.dtype in {torch.uint8, torch.int8}
    is_quantisers = any(_comes_from(kind, package) for package in _QUANTISERS)
    if is_small or tensor.is_quantized or hasattr(tensor, "quant_state") or is_quantisers:
        return f"is quantised ({kind.__name__} of {tensor.dtype}): its bytes are codes of its values"
    return ""


def _comes_from(kind: type[object], package: str) -> bool:
    names = [base.__module__ for base in kind.__mro__]
    return any(name == package or name.startswith(f"{package}.") for name in names)
