"""torch's tensors as the store's, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from heredity.errors import InvalidTensor
from heredity.store import Framework, TensorData
from heredity.store.tensors import NUMPY_DTYPES

DTYPES: Mapping[torch.dtype, str] = {
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
_TORCH_DTYPES = {name: dtype for dtype, name in DTYPES.items()}
# numpy's calls take a third of the time of torch's, but numpy knows no short floating-point numbers but one.
_NUMPY_DTYPES = {name: code for name, code in NUMPY_DTYPES.items() if name in _TORCH_DTYPES}
_WITHOUT_NUMPY = {dtype for dtype, name in DTYPES.items() if name not in NUMPY_DTYPES}


class _Torch:
    """torch's tensors, found by the store through the entry point of this package."""

    def to_tensor_data(self, value: torch.Tensor, /) -> TensorData:
        """See `Framework.to_tensor_data`. A tensor on an accelerator is copied to the host."""
        # A subclass may make something else of every call; its values are what plain tensors would say.
        with torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001  # documented under this name
            problem = _problem_of(value)
            if problem:
                raise InvalidTensor(
                    f"A {type(value).__name__} that {problem} cannot be stored.",
                    hint="Convert it to a dense tensor of numbers.",
                )
            dtype = DTYPES[value.dtype]
            if not value.numel():
                return TensorData(dtype, tuple(value.shape), b"")
            return TensorData(dtype, tuple(value.shape), _bytes_of(_dense(value.detach())))

    def from_tensor_data(self, data: TensorData, /) -> torch.Tensor:
        """See `Framework.from_tensor_data`."""
        if data.dtype in _NUMPY_DTYPES and data.size_bytes and not data.data.readonly:
            # Half the calls of the way below, for nearly all tensors that there are.
            array = np.ndarray(data.shape, dtype=_NUMPY_DTYPES[data.dtype], buffer=data.data)
            if array.flags.aligned:
                return torch.from_numpy(array)
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


def _dense(value: torch.Tensor) -> torch.Tensor:
    """The values in memory, in row-major order; themselves where they are so already."""
    if value.is_cpu and value.is_contiguous() and not value.is_conj() and not value.is_neg():
        return value
    return value.resolve_conj().resolve_neg().to("cpu").contiguous()


def _bytes_of(dense: torch.Tensor) -> memoryview:
    if dense.dtype in _WITHOUT_NUMPY:
        return dense.reshape(-1).view(torch.uint8).numpy().data
    return dense.numpy().reshape(-1).view(np.uint8).data


def _problem_of(value: torch.Tensor) -> str:
    """Why a tensor's values are not at hand, or are no numbers of the file format; empty if all is well."""
    if is_lazy(value):
        return "has no shape yet"
    if value.is_nested or value.layout is not torch.strided:
        return f"has the layout {'nested' if value.is_nested else value.layout}"
    if value.dtype not in DTYPES or value.is_quantized:
        return f"has the dtype {value.dtype}"
    if value.is_meta:
        return "is on the meta device and has no values"
    # What a FakeTensor, a DTensor or a tensor in torch.func.functionalize holds is not what it seems to hold.
    is_wrapper = type(value).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__
    is_wrapper |= torch._is_functional_tensor(value)  # noqa: SLF001  # no other way
    if not is_wrapper and (value.device.type not in {"cpu", "cuda"} or _has_memory(value)):
        return ""
    return "has no memory of its own: it is freed, wraps others, or is within a transform such as vmap"


def _has_memory(value: torch.Tensor) -> bool:
    """Whether every element lies in the storage; reading past it would kill the process."""
    try:
        size_bytes = value.untyped_storage().nbytes()
    except (NotImplementedError, RuntimeError):
        return False
    if value.is_contiguous():
        return (value.storage_offset() + value.numel()) * value.itemsize <= size_bytes or not value.numel()
    steps = zip(value.shape, value.stride(), strict=True)
    last = value.storage_offset() + sum((length - 1) * stride for length, stride in steps)
    return not value.numel() or (last + 1) * value.itemsize <= size_bytes


TORCH: Framework = _Torch()
"""How torch's tensors become the store's, and back."""


def torch_dtype(name: str) -> torch.dtype | None:
    """The torch dtype that a stored tensor's dtype stands for; None if torch has none."""
    return _TORCH_DTYPES.get(name)
