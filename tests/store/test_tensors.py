"""Tensors keep every bit, whatever their dtype, shape and order in memory."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from heredity.errors import InvalidTensor
from heredity.store.tensors import DTYPE_BITS, TensorData, from_numpy, is_finite, size_of, to_numpy

NUMPY_DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64,)),
)


@given(hnp.arrays(st.sampled_from(["<f2", "<f4", "<f8", "<c8"]), st.integers(0, 20)))
def test_finite_is_what_numpy_calls_finite(array: np.ndarray[Any, Any]) -> None:
    assert is_finite(from_numpy(array)) == bool(np.isfinite(array).all())


SHORT_FLOATS = {
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "F8_E8M0": ml_dtypes.float8_e8m0fnu,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
}


@pytest.mark.parametrize("dtype", SHORT_FLOATS)
def test_every_pattern_of_a_short_float_is_judged_as_ml_dtypes_does(dtype: str) -> None:
    kind = np.dtype(SHORT_FLOATS[dtype])
    bits = np.arange(2 ** (8 * kind.itemsize), dtype=f"<u{kind.itemsize}")
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(bits.view(kind).astype(np.float64))
    data = TensorData(dtype, bits.shape, bits.tobytes())
    assert not is_finite(data)
    some = bits[finite]
    assert is_finite(TensorData(dtype, some.shape, some.tobytes()))
    for bad in bits[~finite][:300]:
        assert not is_finite(TensorData(dtype, (1,), bad.tobytes()))


def test_whole_numbers_are_finite() -> None:
    assert is_finite(from_numpy(np.array([-1, 2**62])))
    assert is_finite(TensorData("BOOL", (0,), b""))


@given(hnp.arrays(NUMPY_DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)))
def test_every_array_comes_back_the_same(array: np.ndarray[Any, Any]) -> None:
    back = to_numpy(from_numpy(array))
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("<")
    assert back.tobytes() == array.astype(back.dtype).tobytes()


def test_order_in_memory_is_not_content() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    same = [
        array.copy(order="F"),
        array.astype(">f4"),
        np.repeat(array, 2, axis=1)[:, ::2],
        array[::-1][::-1],
    ]
    assert {from_numpy(other).digest() for other in same} == {from_numpy(array).digest()}


def test_dtype_and_shape_are_content() -> None:
    tensors = [
        TensorData("F32", (2, 2), bytes(16)),
        TensorData("F32", (4,), bytes(16)),
        TensorData("F32", (4, 1), bytes(16)),
        TensorData("I32", (4,), bytes(16)),
        TensorData("U8", (16,), bytes(16)),
        TensorData("F32", (0,), b""),
        TensorData("F32", (0, 3), b""),
    ]
    assert len({tensor.digest() for tensor in tensors}) == len(tensors)


def test_the_digest_is_what_it_was_in_the_first_version() -> None:
    assert TensorData("F32", (2,), bytes(8)).digest() == "x3:06200e754c25757cdb3694b06a6e58d6"


def test_a_single_number_has_no_axes() -> None:
    for value in (np.array(2.5, dtype=np.float32), np.float32(2.5)):
        assert from_numpy(value).shape == ()
    assert to_numpy(from_numpy(np.float32(2.5))) == np.float32(2.5)


@pytest.mark.parametrize("dtype", DTYPE_BITS)
def test_every_dtype_of_the_format_can_be_held(dtype: str) -> None:
    tensor = TensorData(dtype, (8, 3), bytes(DTYPE_BITS[dtype] * 3))
    assert tensor.size_bytes == size_of(dtype, (8, 3))


@pytest.mark.parametrize(
    ("dtype", "shape", "data"),
    [
        ("F33", (1,), b"1234"),
        ("F32", (2,), b"1234"),
        ("F32", (-1,), b""),
        ("F4", (3,), b"12"),
        ("F32", (), b""),
    ],
)
def test_what_cannot_be_a_tensor_is_refused(dtype: str, shape: tuple[int, ...], data: bytes) -> None:
    with pytest.raises(InvalidTensor):
        TensorData(dtype, shape, data)


def test_bytes_that_are_not_in_order_are_refused() -> None:
    with pytest.raises(InvalidTensor, match="contiguous"):
        TensorData("U8", (2,), memoryview(b"1234")[::2])


@pytest.mark.parametrize(
    "array",
    [
        np.array(["text"]),
        np.array([object()]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.zeros(2, dtype=np.complex128),
        np.zeros(2, dtype=[("a", "f4")]),
        np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    ],
)
def test_an_array_that_would_lose_something_is_refused(array: np.ndarray[Any, Any]) -> None:
    with pytest.raises(InvalidTensor) as caught:
        from_numpy(array)
    assert caught.value.hint


def test_what_numpy_does_not_know_is_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidTensor, match="framework='torch'"):
        to_numpy(TensorData("F4", (2,), b"1"))


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"])
def test_what_ml_dtypes_adds_to_numpy_comes_back_bit_by_bit(dtype: str) -> None:
    tensor = TensorData(dtype, (4, 64), bytes(range(256)) * (DTYPE_BITS[dtype] // 8))
    array = to_numpy(tensor)
    assert array.shape == (4, 64)
    assert from_numpy(array) == tensor
    assert to_numpy(TensorData(dtype, (0, 2), b"")).shape == (0, 2)
