"""torch's tensors as the store's, and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from heredity.errors import InvalidTensor
from heredity.store import Framework, TensorData

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


class _Torch:
    """torch's tensors, found by the store through the entry point of this package."""

    def to_tensor_data(self, value: torch.Tensor, /) -> TensorData:
        """See `Framework.to_tensor_data`. A tensor on an accelerator is copied to the host."""
        dtype = DTYPES.get(value.dtype)
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
