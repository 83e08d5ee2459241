"""Modules and their state dicts: saved as a checkpoint, and loaded from one of the same architecture."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import torch

from heredity.checkpoints.optimizer import is_of_optimizer, optimizer_tensors
from heredity.checkpoints.torch_tensors import DTYPES
from heredity.encoding import Json
from heredity.errors import InputError, InvalidTensor, TransferRefused
from heredity.store import Checkpoint, Store
from heredity.store.files.fingerprints import Fingerprints


def save_module(  # noqa: PLR0913  # what a checkpoint consists of
    store: Store,
    module: torch.nn.Module,
    *,
    key: str,
    parents: Sequence[str | Checkpoint] = (),
    score: float | None = None,
    metadata: Mapping[str, Json] | None = None,
    graph: Json | None = None,
    fingerprints: Fingerprints | None = None,
    finite_only: bool = False,
    optimizer_state: Mapping[str, Mapping[str, torch.Tensor | float]] | None = None,
) -> Checkpoint:
    """Put a module's state dict into a store, and an optimizer's state beside it if there is one.

    Arguments and errors are those of `Store.put`. ``optimizer_state`` has for each parameter, by its name,
    the optimizer's slots; the function of that name reads it back, and `load` leaves it alone.

    Raises:
        InvalidTensor: The state dict holds something else than tensors.
    """
    return store.put(
        key,
        tensors_of(module) | optimizer_tensors(optimizer_state or {}),
        parents=parents,
        score=score,
        metadata=metadata,
        graph=graph,
        fingerprints=fingerprints,
        finite_only=finite_only,
    )


def tensors_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A module's state dict: parameters and persistent buffers by name, sharing their memory.

    Raises:
        InvalidTensor: It holds something else than tensors, such as a submodule's extra state.
    """
    if not isinstance(module, torch.nn.Module):
        raise InvalidTensor(
            f"expected a torch module, got {type(module).__name__}.",
            hint="A state dict goes into the store by `store.put(key, tensors)`.",
        )
    state = module.state_dict()
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise InvalidTensor(
                f"{name}: expected a tensor in the state dict, got {type(value).__name__}.",
                hint="Keep a submodule's extra state in the checkpoint's metadata.",
            )
    return dict(state)


def load(module: torch.nn.Module, checkpoint: Checkpoint) -> None:
    """Load a checkpoint into a module of the same architecture, in place.

    Everything is compared before the first tensor is changed.

    Raises:
        TransferRefused: A name, a shape or a dtype differs. `heredity.inherit` takes other architectures.
        CorruptCheckpoint: A tensor is not what its digest says.
    """
    if not isinstance(checkpoint, Checkpoint):
        raise InputError(
            f"expected a checkpoint, got {type(checkpoint).__name__} {checkpoint!r:.60}.",
            hint="Take it from its store: store[key].",
        )
    targets = tensors_of(module)
    entries = {
        name: entry
        for name, entry in checkpoint.manifest.tensors.items()
        if name in targets or not is_of_optimizer(name)
    }
    problems = [
        f"{name}: not in the checkpoint{_near(name, entries)}" for name in targets if name not in entries
    ]
    problems += [
        f"{name}: not in the module{_near(name, targets)}" for name in entries if name not in targets
    ]
    for name, target in targets.items():
        if name in entries:
            found = (entries[name].dtype, entries[name].shape)
            expected = (DTYPES.get(target.dtype, str(target.dtype)), tuple(target.shape))
            if found != expected:
                problems.append(f"{name}: the module has {_form(expected)}, the checkpoint {_form(found)}")
    if problems:
        more = f"\n… and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise TransferRefused(
            f"{checkpoint.key}: not of this module's architecture:\n" + "\n".join(problems[:10]) + more,
            hint="Use `heredity.inherit`, which takes other architectures.",
        )
    values = checkpoint.tensors(targets, framework="torch")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(values[name])


def _near(name: str, names: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f" (there is {near[0]!r})" if near else ""


def _form(form: tuple[str, tuple[int, ...]]) -> str:
    dtype, shape = form
    return f"{dtype} {list(shape)}"
