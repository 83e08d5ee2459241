"""The module that is meant: looked for behind wrappers, and refused where its values are not at hand."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.parallel import DataParallel, DistributedDataParallel

from heredity.errors import HeredityError, InputError

_BEFORE_WRAPPING = (
    "Call it on the plain module, with all its values in memory, before it is wrapped, sharded or quantised; "
    "in a distributed program on every process, or on the first one if the wrapper spreads its weights."
)
_WHEN_SAVING = (
    "Gather the whole state dict first, and give it to `store.put(key, state_dict)` on one process."
)
# Packages whose parameters hold codes of the values, and not the values.
_QUANTISERS = ("bitsandbytes", "torchao", "hqq", "quanto", "optimum", "auto_gptq", "awq")


def plain_module(module: torch.nn.Module, *, refusal: type[HeredityError], saving: bool) -> torch.nn.Module:
    """The module behind torch.compile, DataParallel and DistributedDataParallel, if its values are at hand.

    Args:
        module: A module, wrapped or not.
        refusal: The class of the error.
        saving: Whether it is to be saved, which asks for other advice.

    Raises:
        InputError: It is no module.
        HeredityError: Of the class `refusal`: a part of it is sharded, quantised, or has no values yet.
    """
    inner = _unwrapped(module)
    if not isinstance(inner, torch.nn.Module):
        raise InputError(f"expected a torch module, got {type(inner).__name__} {inner!r:.60}.")
    problem = next(_problems(inner), "")
    if problem:
        hint = _WHEN_SAVING if saving else _BEFORE_WRAPPING
        raise refusal(f"{type(inner).__name__}: {problem}.", hint=hint)
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


def _problems(module: torch.nn.Module) -> Iterator[str]:
    for name, submodule in module.named_modules():
        if _comes_from(type(submodule), "torch.distributed.fsdp") and hasattr(submodule, "_handle"):
            yield f"{name or 'it'} is sharded by FSDP, and its parameters are pieces of flat ones"
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        problem = _problem_of(tensor)
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
    is_number = tensor.is_floating_point() or tensor.is_complex()
    is_of_codes = isinstance(tensor, torch.nn.Parameter) and not is_number
    if is_of_codes or tensor.is_quantized or hasattr(tensor, "quant_state") or _is_quantiser(kind):
        return f"is quantised ({kind.__name__} of {tensor.dtype}): its bytes are codes of its values"
    return ""


def _is_quantiser(kind: type[object]) -> bool:
    return any(_comes_from(kind, package) for package in _QUANTISERS)


def _comes_from(kind: type[object], package: str) -> bool:
    names = [base.__module__ for base in kind.__mro__]
    return any(name == package or name.startswith(f"{package}.") for name in names)
