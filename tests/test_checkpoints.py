"""torch's tensors and modules to the store and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import heredity as hd
from heredity.checkpoints import TORCH, save_module
from heredity.errors import InvalidTensor, TransferRefused
from heredity.store import Store, open_store
from heredity.store.tensors import TensorData

DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.uint32, torch.int64,
    torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu, torch.float8_e4m3fnuz,
    torch.float8_e5m2fnuz,
]  # fmt: skip


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store("memory://torch" + tmp_path.name if request.param == "memory" else tmp_path / "store")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
def test_every_dtype_comes_back_bit_by_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    num_bytes = max(1, torch.Size(shape).numel()) * dtype.itemsize
    raw = torch.randint(0, 2 if dtype is torch.bool else 256, (num_bytes,), generator=generator)
    tensor = raw.to(torch.uint8).view(dtype)[: torch.Size(shape).numel()].reshape(shape)
    again = TORCH.from_tensor_data(TORCH.to_tensor_data(tensor))
    assert (again.dtype, again.shape) == (dtype, tensor.shape)
    assert bits(again) == bits(tensor)


@given(st.permutations(range(4)), st.integers(1, 3))
def test_whatever_the_layout_the_values_come_back(order: list[int], step: int) -> None:
    tensor = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).permute(order)[::step]
    assert torch.equal(TORCH.from_tensor_data(TORCH.to_tensor_data(tensor)), tensor)


LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "transposed": lambda raw: raw.T,
    "expanded": lambda raw: raw[:1].expand(4, 6),
    "sliced": lambda raw: raw[::2, 1::2],
    "overlapping": lambda raw: raw.reshape(-1).as_strided((3, 4), (1, 2), 1),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_view_of_every_dtype_is_stored_as_what_it_shows(dtype: torch.dtype, layout: str) -> None:
    generator = torch.Generator().manual_seed(0)
    raw = torch.randint(0, 2 if dtype is torch.bool else 256, (24 * dtype.itemsize,), generator=generator)
    view = LAYOUTS[layout](raw.to(torch.uint8).view(dtype).reshape(4, 6))
    again = TORCH.from_tensor_data(TORCH.to_tensor_data(view))
    assert again.is_contiguous()
    assert [bits(element) for row in again for element in row] == [
        bits(element.reshape(1)) for row in view for element in row
    ]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (8, 4, 1, 1)])
def test_channels_last_is_stored_in_the_order_of_its_axes(shape: tuple[int, ...]) -> None:
    plain = torch.randn(shape)
    data = TORCH.to_tensor_data(plain.to(memory_format=torch.channels_last))
    assert data == TORCH.to_tensor_data(plain)


def test_tied_views_are_stored_apart_as_what_they_show(store: Store) -> None:
    base = torch.arange(6.0)
    loaded = store.put("a", {"all": base, "end": base[3:], "end again": base[3:]}).tensors(framework="torch")
    loaded["end"].zero_()
    assert loaded["all"].tolist() == base.tolist()
    assert loaded["end again"].tolist() == [3.0, 4.0, 5.0]


def test_conjugates_and_negatives_are_stored_as_their_values() -> None:
    conjugate = torch.tensor([1 + 2j, 3 - 4j]).conj()
    negative = conjugate.imag
    assert conjugate.is_conj()
    assert negative.is_neg()
    assert TORCH.from_tensor_data(TORCH.to_tensor_data(conjugate)).tolist() == [1 - 2j, 3 + 4j]
    assert TORCH.from_tensor_data(TORCH.to_tensor_data(negative)).tolist() == [-2.0, 4.0]


class Odd(torch.Tensor):
    """A subclass that makes zeros of every call but its own data's."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return torch.zeros(3)


class OwnParameter(nn.Parameter):
    """A subclass that is told apart by its type only."""


@pytest.mark.parametrize(
    "make",
    [
        nn.Parameter,
        OwnParameter,
        nn.Buffer,
        lambda values: values.as_subclass(Odd),
        lambda values: values.requires_grad_() * 1,
    ],
    ids=["parameter", "own parameter", "buffer", "odd subclass", "with a gradient"],
)
def test_whatever_kind_of_tensor_the_values_are_stored(make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    data = TORCH.to_tensor_data(make(torch.tensor([1.0, 2.0, 3.0])))
    loaded = TORCH.from_tensor_data(data)
    assert type(loaded) is torch.Tensor
    assert (loaded.tolist(), loaded.requires_grad) == ([1.0, 2.0, 3.0], False)


def test_tensors_of_inference_mode_are_stored() -> None:
    with torch.inference_mode():
        assert TORCH.from_tensor_data(TORCH.to_tensor_data(torch.ones(2) * 2)).tolist() == [2.0, 2.0]


def _freed() -> torch.Tensor:
    """As sharded training leaves a parameter whose values are elsewhere at the moment."""
    tensor = torch.ones(1000)
    tensor.untyped_storage().resize_(0)
    return tensor


def _fake() -> torch.Tensor:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        return torch.ones(3)


REFUSED: dict[str, tuple[Callable[[], torch.Tensor], str]] = {
    "sparse": (lambda: torch.eye(3).to_sparse(), "sparse_coo"),
    "mkldnn": (lambda: torch.eye(3).to_mkldnn(), "mkldnn"),
    "meta": (lambda: torch.empty(2, device="meta"), "meta device"),
    "not made yet": (nn.UninitializedParameter, "no shape yet"),
    "freed": (_freed, "no memory"),
    "fake": (_fake, "no memory"),
    **{
        name: (partial(torch.empty, 2, dtype=getattr(torch, name)), name)
        for name in ("complex128", "uint4", "int1", "uint7", "bits8", "float4_e2m1fn_x2")
    },
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_form_in_the_store_is_refused(kind: str) -> None:
    make, reason = REFUSED[kind]
    with pytest.raises(InvalidTensor, match=rf"{reason}.*cannot be stored"):
        TORCH.to_tensor_data(make())


@pytest.mark.filterwarnings("ignore:.*quantize:UserWarning", "ignore:.*quantized:DeprecationWarning")
def test_quantized_tensors_are_refused() -> None:
    with pytest.raises(InvalidTensor, match=r"qint8 cannot be stored"):
        TORCH.to_tensor_data(torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8))


@pytest.mark.parametrize("transform", ["vmap", "functionalize", "grad"])
def test_a_tensor_within_a_transform_is_refused(transform: str) -> None:
    """Its memory is no place to read: functionalize showed what lay there by chance."""

    def step(x: torch.Tensor) -> torch.Tensor:
        TORCH.to_tensor_data(x)
        return x.sum()

    transforms: dict[str, Any] = {
        "vmap": torch.vmap,
        "functionalize": torch.func.functionalize,
        "grad": torch.func.grad,
    }
    with pytest.raises(InvalidTensor, match="transform"):
        transforms[transform](step)(torch.ones(2, 3))


def test_a_dtype_that_torch_lacks_is_refused() -> None:
    with pytest.raises(InvalidTensor, match="torch has no dtype for F4"):
        TORCH.from_tensor_data(TensorData("F4", (2,), b"\x00"))


def test_bytes_that_are_not_aligned_are_copied() -> None:
    odd = memoryview(bytearray(9))[1:]
    assert TORCH.from_tensor_data(TensorData("F64", (1,), odd)).item() == 0.0


def network(width: int = 4) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(width, 2))


def test_a_module_comes_back_whole(store: Store) -> None:
    torch.manual_seed(0)
    first, second = network(), network()
    first.train()(torch.randn(4, 1, 3, 3))  # other running statistics than those of a new network
    hd.load(second, save_module(store, first, key="a"))
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


def test_tied_parameters_are_stored_once_and_stay_tied(store: Store) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(64, 64, bias=False)
            self.b = nn.Linear(64, 64, bias=False)
            self.b.weight = self.a.weight

    first, second = Tied(), Tied()
    checkpoint = save_module(store, first, key="tied")
    assert checkpoint.own_bytes == 64 * 64 * 4
    hd.load(second, checkpoint)
    assert second.a.weight is second.b.weight
    assert torch.equal(second.a.weight, first.a.weight)


def test_training_a_loaded_module_changes_nothing_in_the_store(store: Store) -> None:
    checkpoint = save_module(store, network(), key="a")
    tensors = checkpoint.tensors(framework="torch")
    with torch.no_grad():
        tensors["0.weight"].zero_()
    assert checkpoint.tensors(framework="torch")["0.weight"].abs().sum() > 0
    assert store.verify() == []


def test_another_architecture_is_refused_by_load_before_anything_is_changed(store: Store) -> None:
    checkpoint = save_module(store, network(4), key="a")
    child = nn.Sequential(*list(network(6))[:3], nn.Identity(), nn.Linear(6, 2).double())
    before = {name: value.clone() for name, value in child.state_dict().items()}
    with pytest.raises(TransferRefused) as caught:
        hd.load(child, checkpoint)
    for part in (
        "0.weight: the module has F32 [6, 1, 3, 3], the checkpoint F32 [4, 1, 3, 3]",
        "4.weight: not in the checkpoint",
        "3.weight: not in the module",
        "heredity.inherit",
    ):
        assert part in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in child.state_dict().items())


def test_extra_state_that_is_no_tensor_is_refused(store: Store) -> None:
    class Odd(nn.Linear):
        def get_extra_state(self) -> str:
            return "epoch 3"

    with pytest.raises(InvalidTensor, match="_extra_state: expected a tensor"):
        save_module(store, Odd(2, 2), key="odd")
