"""JAX's arrays to the store and back."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from heredity.errors import InputError, InvalidTensor
from heredity.jax_arrays import JAX
from heredity.store import Store, TensorData, open_store

DTYPES = [
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "float16", "bfloat16", "float32",
    "complex64", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz",
]  # fmt: skip


@pytest.fixture
def store() -> Store:
    return open_store(f"memory://{secrets.token_hex(8)}")


def bits(array: jax.Array | np.ndarray[Any, Any]) -> bytes:
    return np.asarray(array).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3, 4)])
def test_every_dtype_comes_back_bit_by_bit(store: Store, dtype: str, shape: tuple[int, ...]) -> None:
    raw = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 256, 24 * 8, dtype=np.uint8)
    kind = jnp.dtype(dtype)
    array = jax.device_put(raw.view(kind)[: int(np.prod(shape))].reshape(shape))
    again = store.put("a", {"x": array}).tensors(framework="jax")["x"]
    assert isinstance(again, jax.Array)
    assert (again.dtype, again.shape) == (kind, shape)
    assert bits(again) == bits(array)


def test_a_transposed_array_is_stored_as_its_values(store: Store) -> None:
    array = jnp.arange(6, dtype=jnp.float32).reshape(2, 3).T
    np.testing.assert_array_equal(store.put("a", {"x": array}).tensors()["x"], np.asarray(array))


def test_a_step_that_writes_over_what_was_loaded_changes_nothing_in_the_store(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    # Large enough to be mapped.
    checkpoint = store.put("a", {"w": np.full((1024, 512), 2.0, dtype=np.float32)})
    weight = checkpoint.tensors(framework="jax")["w"]
    doubled = jax.jit(lambda w: w * 2, donate_argnums=0)(weight)
    assert float(doubled.max()) == 4.0
    assert weight.is_deleted()
    assert store.verify() == []


def test_numpy_and_jax_see_the_same_content(store: Store) -> None:
    array = jnp.arange(5, dtype=jnp.bfloat16)
    checkpoint = store.put("a", {"jax": array, "numpy": np.asarray(array)})
    assert len({entry.digest for entry in checkpoint.manifest.tensors.values()}) == 1


@pytest.mark.parametrize("dtype", ["int4", "uint4", "float8_e3m4", "float4_e2m1fn"])
def test_a_dtype_without_a_form_in_the_store_is_refused(dtype: str) -> None:
    with pytest.raises(InvalidTensor, match="cannot be stored"):
        JAX.to_tensor_data(jnp.zeros(2, dtype=dtype))


def test_a_random_key_is_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidTensor, match=r"key<fry>.*key_data"):
        JAX.to_tensor_data(jax.random.key(0))


def test_a_deleted_array_is_refused() -> None:
    array = jnp.ones(3)
    array.delete()
    with pytest.raises(InvalidTensor, match="deleted or donated"):
        JAX.to_tensor_data(array)


def test_a_traced_array_is_refused(store: Store) -> None:
    @jax.jit
    def step(x: jax.Array) -> jax.Array:
        store.put("a", {"x": x})
        return x

    with pytest.raises(InvalidTensor, match=r"tensor 'x'.*being traced"):
        step(jnp.ones(3))


SHARDED = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from heredity.errors import InvalidTensor
from heredity.jax_arrays import JAX
mesh = Mesh(np.array(jax.devices()), ("d",))
whole = jax.device_put(np.arange(4.0, dtype=np.float32), NamedSharding(mesh, PartitionSpec()))
cut = jax.device_put(np.arange(4.0, dtype=np.float32), NamedSharding(mesh, PartitionSpec("d")))
assert bytes(JAX.to_tensor_data(whole).data) == np.arange(4.0, dtype=np.float32).tobytes()
try:
    JAX.to_tensor_data(cut)
except InvalidTensor as error:
    print(error)
"""


def test_an_array_cut_over_devices_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHARDED],
        capture_output=True,
        text=True,
        check=True,
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"},
    )
    assert "is cut over 2 devices" in done.stdout
    assert "jax.device_get" in done.stdout


@pytest.mark.parametrize("dtype", ["F64", "I64", "U64"])
def test_what_jax_would_cut_to_32_bits_is_refused(dtype: str) -> None:
    with pytest.raises(InvalidTensor, match=rf"no {dtype}.*jax_enable_x64"):
        JAX.from_tensor_data(TensorData(dtype, (1,), bytes(8)))


def test_with_64_bits_switched_on_they_come_back(store: Store) -> None:
    with jax.enable_x64(True):
        array = store.put("a", {"x": np.array([0.1, 1e300])}).tensors(framework="jax")["x"]
        assert array.tolist() == [0.1, 1e300]


def test_without_jax_its_name_is_refused_with_a_way_out() -> None:
    code = (
        "import sys; sys.modules['jax'] = None\n"
        "from heredity.errors import InputError\nfrom heredity.store.frameworks import framework\n"
        "try: framework('jax')\nexcept InputError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install jax" in done.stdout


def test_numpy_without_ml_dtypes_refuses_its_dtypes_with_a_way_out() -> None:
    code = (
        "import sys; sys.modules['ml_dtypes'] = None\n"
        "from heredity.errors import InvalidTensor\nfrom heredity.store.tensors import TensorData, to_numpy\n"
        "try: to_numpy(TensorData('BF16', (1,), b'12'))\nexcept InvalidTensor as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "framework='torch'" in done.stdout


def test_an_unknown_framework_is_still_unknown() -> None:
    from heredity.store.frameworks import framework

    with pytest.raises(InputError, match="jax"):
        framework("jaxx")
