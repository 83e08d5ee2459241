"""A tensor as bytes with a dtype and a shape, named by its content."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import xxhash

from heredity.errors import InvalidTensor
from heredity.ids import Digest

Buffer = bytes | bytearray | memoryview
"""Whatever holds bytes (``collections.abc.Buffer`` comes with Python 3.12)."""

DIGEST_ALGORITHM = "xxh3-128"

# The dtypes of the safetensors format, and the bits that one element takes.
DTYPE_BITS = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "F4": 4,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}

# As many as numpy and torch allow. Without a limit, a damaged header could ask for products without end.
MAX_AXES = 64

# Those that numpy has by itself, always little-endian: the file format knows no other order.
NUMPY_DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "I64": "<i8",
    "U64": "<u8",
    "F64": "<f8",
    "C64": "<c8",
}
# As the package ml_dtypes calls those that it adds to numpy; it need not be installed.
_ADDED_OF_DTYPE = {
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}
_DTYPE_OF_NUMPY = {np.dtype(code).name: dtype for dtype, code in NUMPY_DTYPES.items()} | {
    name: dtype for dtype, name in _ADDED_OF_DTYPE.items()
}


# A network's tensors have few different forms; each is asked for when a header is read and a tensor made.
@lru_cache(maxsize=4096)
def size_of(dtype: str, shape: tuple[int, ...]) -> int | None:
    """Bytes that a tensor takes; ``None`` where there can be no such tensor."""
    bits = DTYPE_BITS.get(dtype)
    if bits is None or len(shape) > MAX_AXES or (shape and min(shape) < 0):
        return None
    bits *= math.prod(shape)
    return bits // 8 if bits % 8 == 0 else None


@lru_cache(maxsize=4096)
def _hasher_of(dtype: str, shape: tuple[int, ...]) -> xxhash.xxh3_128:
    """A hasher that has seen the form; copied, never updated, before it sees bytes."""
    return xxhash.xxh3_128(f"{dtype}|{','.join(map(str, shape))}|".encode("ascii"))


@dataclass(frozen=True, slots=True)
class TensorData:
    """A tensor as the store sees it: raw little-endian bytes in row-major order.

    Args:
        dtype: A name of the safetensors format, such as ``"F32"`` or ``"BF16"``.
        shape: Lengths of the axes; ``()`` for a single number.
        data: The bytes, in anything contiguous with the buffer protocol; not copied.

    Raises:
        InvalidTensor: The dtype is unknown, or the bytes are not as many as the shape needs.
    """

    dtype: str
    shape: tuple[int, ...]
    data: memoryview

    def __init__(self, dtype: str, shape: tuple[int, ...], data: Buffer) -> None:
        object.__setattr__(self, "dtype", dtype)
        form = tuple(map(int, shape))
        flat = _flat(data)
        object.__setattr__(self, "shape", form)
        object.__setattr__(self, "data", flat)
        expected = size_of(dtype, form)
        if expected == flat.nbytes:
            return
        if expected is None:
            raise InvalidTensor(
                f"There is no tensor of dtype {dtype!r} and shape {self.shape}.",
                hint=f"Dtypes are {', '.join(DTYPE_BITS)}.",
            )
        raise InvalidTensor(f"A {dtype} tensor of shape {form} takes {expected} bytes; {flat.nbytes} came.")

    @property
    def size_bytes(self) -> int:
        """Bytes that the tensor takes."""
        return self.data.nbytes

    def digest(self) -> Digest:
        """Name of this content: equal for equal dtype, shape and bytes, and for nothing else."""
        # xxh3-128 runs at 15-28 GB/s, as fast as memory; blake3 (2-4) would cost as much as the writing.
        hasher = _hasher_of(self.dtype, self.shape).copy()
        hasher.update(self.data)
        return Digest(f"x3:{hasher.hexdigest()}")


# The bits of an exponent, all ones of which mark NaN and infinity, in whole numbers as wide as an element.
_EXPONENTS = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("u1", 0x7C),
    "C64": ("<u4", 0x7F80_0000),
}
# Of these 8-bit numbers one pattern, or one and its negative, is NaN, and none is infinity.
_NAN_PATTERNS = {
    "F8_E4M3": (0x7F, 0xFF),
    "F8_E8M0": (0xFF,),
    "F8_E4M3FNUZ": (0x80,),
    "F8_E5M2FNUZ": (0x80,),
}


def is_finite(tensor: TensorData) -> bool:
    """Whether all numbers of a tensor are finite; those of whole numbers and truth values always are."""
    if tensor.dtype in _EXPONENTS:
        code, exponent = _EXPONENTS[tensor.dtype]
        return not ((np.frombuffer(tensor.data, dtype=code) & exponent) == exponent).any()
    patterns = _NAN_PATTERNS.get(tensor.dtype, ())
    return not np.isin(np.frombuffer(tensor.data, dtype=np.uint8), patterns).any() if patterns else True


def first_hash_byte(text: str) -> int:
    """A number from 0 to 255, always the same for a text and even over many; names the shard of a key."""
    return xxhash.xxh3_64_digest(text.encode("utf-8"))[0]


def _flat(data: Buffer) -> memoryview:
    view = memoryview(data)
    if not view.c_contiguous:
        raise InvalidTensor("The bytes of a tensor must be contiguous and in row-major order.")
    # A view with a zero in its shape cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(b"")


def from_numpy(array: np.ndarray[Any, Any] | np.generic) -> TensorData:  # Any: whatever shape and dtype comes
    """Make a tensor of an array, copying only where its bytes are not in order.

    Raises:
        InvalidTensor: The array's dtype has no name in the file format, or the array is masked.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise InvalidTensor("A masked array would lose its mask.", hint="Store .filled() or the two arrays.")
    plain = np.asarray(array)
    dtype = _DTYPE_OF_NUMPY.get(plain.dtype.name)
    if dtype is None:
        raise InvalidTensor(
            f"A numpy array of dtype {plain.dtype} cannot be stored.",
            hint=f"Convert it to one of {', '.join(sorted(_DTYPE_OF_NUMPY))}.",
        )
    if plain.size == 0:
        return TensorData(dtype, plain.shape, b"")
    little = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    # As bytes, since arrays of ml_dtypes have no buffer of their own.
    return TensorData(dtype, plain.shape, np.ascontiguousarray(little).reshape(-1).view(np.uint8).data)


def to_numpy(tensor: TensorData) -> np.ndarray[Any, Any]:  # Any: whatever shape and dtype is stored
    """Make an array on the tensor's own bytes; writable where they are.

    Raises:
        InvalidTensor: numpy has no such dtype, and the package ml_dtypes, which has more, is not installed or
            has none either.
    """
    code = NUMPY_DTYPES.get(tensor.dtype) or _added_dtype(tensor.dtype)
    if code is None:
        raise InvalidTensor(
            f"numpy has no dtype for {tensor.dtype}.",
            hint="Load with framework='torch', or take the raw bytes with read().",
        )
    if tensor.size_bytes == 0:
        return np.empty(tensor.shape, dtype=code)
    return np.ndarray(tensor.shape, dtype=code, buffer=tensor.data)


@cache
def _added_dtype(dtype: str) -> np.dtype[Any] | None:  # Any: a number that is no type of numpy's own
    name = _ADDED_OF_DTYPE.get(dtype)
    try:
        import ml_dtypes  # noqa: PLC0415  # loaded for such tensors only, and it need not be installed
    except ModuleNotFoundError:
        return None
    return np.dtype(getattr(ml_dtypes, name)) if name and hasattr(ml_dtypes, name) else None
