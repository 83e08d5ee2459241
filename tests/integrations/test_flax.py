"""The trees of Flax and Optax come back from the store, and training goes on as if it had not ended."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import heredity as hd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen, nnx
    from flax.core import freeze
    from flax.training.train_state import TrainState

    from heredity.integrations.jax import load_tree, put_tree

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore"),  # Flax's own
]

X = jnp.ones((2, 3))


class Net(nnx.Module):
    """With parameters, a state of batches and a stream of random numbers."""

    def __init__(self, seed: int) -> None:
        rngs = nnx.Rngs(seed)
        self.layers = nnx.List([nnx.Linear(3, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs)])
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.dropout(x)


def train_state(seed: int) -> TrainState:
    net = linen.Dense(4)
    params = net.init(jax.random.key(seed), X)["params"]
    return TrainState.create(apply_fn=net.apply, params=params, tx=optax.adamw(0.1))


def stepped(state: TrainState) -> TrainState:
    def loss(params: Any) -> Any:
        return jnp.square(state.apply_fn({"params": params}, X)).mean()

    return state.apply_gradients(grads=jax.grad(loss)(state.params))


def assert_same(one: Any, other: Any) -> None:
    structures: list[Any] = [jax.tree.structure(each) for each in (one, other)]
    assert structures[0] == structures[1]
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert (left == right).all()


def test_training_with_linen_and_optax_goes_on_bit_by_bit(store: hd.Store) -> None:
    state = stepped(train_state(0))
    checkpoint = put_tree(store, state, key="a")
    assert "params/kernel" in checkpoint.manifest.tensors
    assert_same(stepped(load_tree(checkpoint, train_state(1))).params, stepped(state).params)


def test_a_frozen_dict_and_a_dict_have_the_same_names(store: hd.Store) -> None:
    params = train_state(0).params
    assert_same(load_tree(put_tree(store, freeze(params), key="a"), params), params)


def test_a_module_of_nnx_goes_on_with_its_random_numbers(store: hd.Store) -> None:
    net, other = Net(0), Net(1)
    net(X)
    checkpoint = put_tree(store, nnx.state(net), key="a")
    assert "layers/0/kernel/value" in checkpoint.manifest.tensors
    nnx.update(other, load_tree(checkpoint, nnx.state(other)))
    assert_same(other(X), net(X))
