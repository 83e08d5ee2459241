"""torch modules and state dicts to and from the store: the only bridge between the two."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import torch

from heredity.encoding import Json
from heredity.errors import InputError, InvalidTensor, TransferRefused
from heredity.store import Checkpoint, Framework, Store, TensorData

_DTYPES: Mapping[torch.dtype, str] = {
    torch.bool: "BOOL",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.uint16: "U16",
    torch.int32: "I32",
    torch.uint32: "U32",
    torch.int64: "I64",
    torch.uint64: "U64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float32: "F32",
    torch.float64: "F64",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.float8_e8m0fnu: "F8_E8M0",
    torch.float8_e4m3fnuz: "F8_E4M3FNUZ",
    torch.float8_e5m2fnuz: "F8_E5M2FNUZ",
}
_TORCH_DTYPES = {name: dtype for dtype, name in _DTYPES.items()}


class _Torch:
    """torch's tensors, found by the store through the entry point of this package."""

    def to_tensor_data(self, value: torch.Tensor, /) -> TensorData:
        """See `Framework.to_tensor_data`. A tensor on an accelerator is copied to the host."""
        dtype = _DTYPES.get(value.dtype)
        if dtype is None or value.layout is not torch.strided or value.is_quantized or value.is_meta:
            raise InvalidTensor(
                f"A tensor of dtype {value.dtype}, layout {value.layout} on {value.device} cannot be stored.",
                hint="Convert it to a dense tensor of numbers.",
            )
        if not value.numel():
            return TensorData(dtype, tuple(value.shape), b"")
        dense = value.detach().resolve_conj().resolve_neg().to("cpu").contiguous()
        return TensorData(dtype, tuple(value.shape), dense.reshape(-1).view(torch.uint8).numpy().data)

    def from_tensor_data(self, data: TensorData, /) -> torch.Tensor:
        """See `Framework.from_tensor_data`."""
        dtype = _TORCH_DTYPES.get(data.dtype)
        if dtype is None:
            raise InvalidTensor(
                f"torch has no dtype for {data.dtype}.", hint="Take the raw bytes with `read()`."
            )
        if not data.size_bytes:
            return torch.empty(data.shape, dtype=dtype)
        # torch warns of memory that it may not write to, and views need the dtype's alignment.
        buffer = bytearray(data.data) if data.data.readonly else data.data
        flat = torch.frombuffer(buffer, dtype=torch.uint8)
        if flat.data_ptr() % dtype.itemsize:
            flat = flat.clone()
        return flat.view(dtype).reshape(data.shape)


TORCH: Framework = _Torch()


def torch_dtype(name: str) -> torch.dtype | None:
    """The torch dtype that a stored tensor's dtype stands for; None if torch has none."""
    return _TORCH_DTYPES.get(name)


def save_module(  # noqa: PLR0913  # what a checkpoint consists of
    store: Store,
    module: torch.nn.Module,
    *,
    key: str,
    parents: Sequence[str | Checkpoint] = (),
    score: float | None = None,
    metadata: Mapping[str, Json] | None = None,
    graph: Json | None = None,
) -> Checkpoint:
    """Put a module's state dict into a store; arguments and errors as `Store.put`.

    Raises:
        InvalidTensor: The state dict holds something else than tensors.
    """
    return store.put(key, tensors_of(module), parents=parents, score=score, metadata=metadata, graph=graph)


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
    entries = checkpoint.manifest.tensors
    problems = [
        f"{name}: not in the checkpoint{_near(name, entries)}" for name in targets if name not in entries
    ]
    problems += [
        f"{name}: not in the module{_near(name, targets)}" for name in entries if name not in targets
    ]
    for name, target in targets.items():
        if name in entries:
            found = (entries[name].dtype, entries[name].shape)
            expected = (_DTYPES.get(target.dtype, str(target.dtype)), tuple(target.shape))
            if found != expected:
                problems.append(f"{name}: the module has {_form(expected)}, the checkpoint {_form(found)}")
    if problems:
        more = f"\n… and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise TransferRefused(
            f"{checkpoint.key}: not of this module's architecture:\n" + "\n".join(problems[:10]) + more,
            hint="Use `heredity.inherit`, which takes other architectures.",
        )
    values = checkpoint.tensors(framework="torch")
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(values[name])


def _near(name: str, names: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f" (there is {near[0]!r})" if near else ""


def _form(form: tuple[str, tuple[int, ...]]) -> str:
    dtype, shape = form
    return f"{dtype} {list(shape)}"
