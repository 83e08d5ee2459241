"""Wrapped modules inherit inside; sharded, quantised and empty ones are refused with advice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import distributed, nn
from torch._C._distributed_c10d import HashStore
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.tensor import Shard, distribute_module, distribute_tensor

import heredity as hd
from heredity.errors import InputError, InvalidTensor, TransferRefused
from heredity.store import Store

REFUSED = r"before it is wrapped, sharded or quantised"


def _network(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


@pytest.fixture
def store() -> Store:
    store = hd.open_store(f"memory://{uuid.uuid4().hex}")
    hd.save(store, _network(4), key="father", example_inputs=torch.randn(4, 3))
    return store


@pytest.fixture
def process_group() -> Iterator[None]:
    """A group of this process alone."""
    distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def _wrapped_by(name: str, module: nn.Module) -> Any:
    if name == "compile":
        return torch.compile(module, backend="eager")
    if name == "ddp":
        return nn.parallel.DistributedDataParallel(module)
    return nn.parallel.DistributedDataParallel(torch.compile(module, backend="eager"))


@pytest.mark.parametrize("name", ["compile", "ddp", "both"])
def test_what_wraps_a_module_is_looked_through(store: Store, process_group: None, name: str) -> None:
    inner = _network(6)
    wrapped = _wrapped_by(name, inner)
    inheritance = hd.inherit(wrapped, store["father"], example_inputs=torch.randn(4, 3), policy="exact")
    assert inheritance.module is inner
    saved = hd.save(store, wrapped, key="child")
    assert set(saved.tensor_names) == set(inner.state_dict())
    again = _network(6)
    hd.load(_wrapped_by(name, again), saved)
    assert torch.equal(again.get_parameter("0.weight"), inner.get_parameter("0.weight"))


def test_data_parallel_is_looked_through(store: Store) -> None:
    inner = _network(6)
    assert hd.inherit(nn.DataParallel(inner), store["father"]).module is inner


def test_a_module_of_sharded_tensors_is_refused(store: Store, process_group: None) -> None:
    module = distribute_module(_network(6), init_device_mesh("cpu", (1,)))
    with pytest.raises(TransferRefused, match=rf"0\.weight is a DTensor, sharded .*{REFUSED}"):
        hd.inherit(module, store["father"])
    with pytest.raises(InvalidTensor, match=r"0\.weight is a DTensor.*Gather the whole state dict"):
        hd.save(store, module, key="child")


@pytest.mark.filterwarnings("ignore:FSDP is switching:UserWarning")
def test_what_fsdp_has_sharded_is_refused(store: Store, process_group: None) -> None:
    """Of both kinds: the one that wraps, and the one that changes the parameters."""
    mesh = init_device_mesh("cpu", (1,))
    module = FullyShardedDataParallel(_network(6), device_mesh=mesh, device_id=torch.device("cpu"))
    with pytest.raises(TransferRefused, match=rf"sharded by FSDP.*{REFUSED}"):
        hd.inherit(module, store["father"])
    other = _network(6)
    fully_shard(other, mesh=mesh)
    with pytest.raises(TransferRefused, match=rf"0\.weight is a DTensor.*{REFUSED}"):
        hd.inherit(other, store["father"])


def test_an_index_table_among_the_parameters_is_no_quantised_one(store: Store) -> None:
    module = _network(6)
    table = nn.Parameter(torch.arange(3), requires_grad=False)
    module.register_parameter("table", table)
    assert hd.inherit(module, store["father"]).coverage > 0


def test_one_sharded_buffer_is_enough(store: Store, process_group: None) -> None:
    module = _network(6)
    mesh = init_device_mesh("cpu", (1,))
    module.register_buffer("table", distribute_tensor(torch.ones(2), mesh, [Shard(0)]))
    with pytest.raises(TransferRefused, match="table is a DTensor"):
        hd.inherit(module, store["father"])


def test_what_deepspeed_has_partitioned_is_refused(store: Store) -> None:
    """As ZeRO-3 leaves a parameter: empty, with an id. Saving it would save nothing."""
    module = _network(6)
    parameter = module.get_parameter("2.weight")
    parameter.data = torch.empty(0)
    parameter.ds_id = 3  # type: ignore[attr-defined]  # DeepSpeed's own
    with pytest.raises(TransferRefused, match=rf"2\.weight is partitioned by DeepSpeed.*{REFUSED}"):
        hd.inherit(module, store["father"])
    with pytest.raises(InvalidTensor, match="partitioned by DeepSpeed"):
        hd.save(store, module, key="child")


class Quantised(nn.Module):
    """As bitsandbytes and its like keep weights: packed codes, and a state that says what they mean."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, dtype=torch.uint8), requires_grad=False)


def test_what_is_quantised_is_refused(store: Store) -> None:
    reason = r"0\.weight is quantised \(Parameter of torch\.uint8\)"
    with pytest.raises(TransferRefused, match=rf"{reason}.*{REFUSED}"):
        hd.inherit(nn.Sequential(Quantised()), store["father"])
    saved = hd.save(store, nn.Sequential(Quantised()), key="quantised")
    hd.load(nn.Sequential(Quantised()), saved)
    module = _network(6)
    module.get_parameter("0.weight").quant_state = object()  # type: ignore[attr-defined]  # bitsandbytes' own
    with pytest.raises(TransferRefused, match=r"0\.weight is quantised"):
        hd.inherit(module, store["father"])


def test_what_has_no_values_yet_is_refused(store: Store) -> None:
    with pytest.raises(TransferRefused, match="on the meta device"):
        hd.inherit(_network(6).to("meta"), store["father"])
    with pytest.raises(TransferRefused, match="has no shape yet"):
        hd.inherit(nn.Sequential(nn.LazyLinear(4)), store["father"])


def test_what_is_no_module_is_refused(store: Store) -> None:
    anything: Any = _network(6).state_dict()
    with pytest.raises(InputError, match="expected a torch module, got OrderedDict"):
        hd.inherit(anything, store["father"])
