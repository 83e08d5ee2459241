"""Keras models inherit across sizes where torch is the backend; what resumes is not overwritten."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

os.environ.setdefault("KERAS_BACKEND", "torch")

import heredity as hd
from heredity.errors import InputError, TransferRefused

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    import keras
    from keras import layers

    from heredity.integrations.keras import (
        Inherit,
        as_module,
        load_variables,
        named_variables,
        put_variables,
    )

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore"),  # Keras's own
]

ROWS = torch.linspace(-1, 1, 8 * 3).reshape(8, 3)
PICTURES = torch.linspace(-1, 1, 4 * 64).reshape(4, 8, 8, 1)
SENTENCES = torch.linspace(-1, 1, 4 * 24).reshape(4, 4, 6)


@pytest.fixture(autouse=True)
def _keras_seeded() -> None:
    keras.utils.set_random_seed(0)


def mlp(width: int = 4) -> Any:
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(width, activation="relu"),
            layers.Dropout(0.1, seed=1),
            layers.Dense(2),
        ]
    )


def convolutions(width: int) -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(width, 3, activation="relu"),
            layers.LayerNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(width, 3, activation="gelu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def attention(width: int) -> Any:
    given = keras.Input((4, 6))
    hidden = layers.LayerNormalization()(layers.Dense(width)(given))
    hidden = layers.Add()([layers.MultiHeadAttention(2, 4)(hidden, hidden), hidden])
    return keras.Model(given, layers.Dense(2)(layers.Flatten()(hidden)))


def normalized(width: int) -> Any:
    return keras.Sequential(
        [keras.Input((3,)), layers.Dense(width), layers.BatchNormalization(), layers.Dense(2)]
    )


def trained(model: Any, inputs: torch.Tensor = ROWS, *, epochs: int = 1, callbacks: Any = ()) -> Any:
    if not model.compiled:
        model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=False)
    targets = torch.ones(model(inputs).shape).numpy()
    model.fit(inputs.numpy(), targets, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model


def inherit_of(store: hd.Store, trial: str = "1", **others: Any) -> Inherit:
    settings: dict[str, Any] = {"experiment": "rows", "parent": None, "example_inputs": ROWS} | others
    return Inherit(store, trial=trial, **settings)


def assert_equal(child: Any, father: Any, inputs: torch.Tensor = ROWS) -> None:
    torch.testing.assert_close(child(inputs, training=False), father(inputs, training=False))


@pytest.mark.parametrize(
    ("build", "widths", "inputs"),
    [(mlp, (4, 6), ROWS), (convolutions, (4, 8), PICTURES), (attention, (8, 16), SENTENCES)],
    ids=["dense", "convolutions", "attention"],
)
def test_a_wider_model_computes_what_its_parent_did(
    store: hd.Store, build: Any, widths: tuple[int, int], inputs: torch.Tensor
) -> None:
    father, child = trained(build(widths[0]), inputs), build(widths[1])
    hd.save(store, as_module(father), key="father", example_inputs=inputs)
    inheritance = hd.inherit(as_module(child), store["father"], example_inputs=inputs)
    assert inheritance.is_exact
    torch.testing.assert_close(
        child(inputs, training=False), father(inputs, training=False), rtol=1e-4, atol=1e-5
    )


def test_a_wider_layer_before_a_batch_normalization_is_not_called_exact(store: hd.Store) -> None:
    hd.save(store, as_module(trained(normalized(4))), key="father", example_inputs=ROWS)
    assert not hd.inherit(as_module(normalized(6)), store["father"], example_inputs=ROWS).is_exact


def test_two_models_of_one_architecture_have_the_same_names() -> None:
    names = list(named_variables(mlp()))
    assert names == list(named_variables(mlp()))
    assert {"dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"} <= set(names)
    assert set(dict(as_module(mlp()).named_parameters())) == {name for name in names if "seed" not in name}


def test_fit_begins_with_the_parents_function_and_ends_with_a_checkpoint(store: hd.Store) -> None:
    first = inherit_of(store, monitor="loss", mode="min", parameters={"width": 4})
    father = trained(mlp(4), callbacks=[first])
    assert first.published is not None
    assert first.published.score is not None
    child = mlp(6)
    child.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    second = inherit_of(store, "2", parent=store, monitor="loss", mode="min")
    trained(child, callbacks=[second])
    assert_equal(child, father)
    assert second.guest is not None
    assert second.guest.facts["verdict"] == "exact"
    assert second.published is not None
    assert second.published.parents == ("keras/rows/1",)
    assert second.published.metadata["cumulative_steps"] == 2


def test_what_was_backed_up_goes_on_and_is_not_overwritten(store: hd.Store, tmp_path: Path) -> None:
    """The backup comes after our callback, and is read after `on_train_begin` of ours."""
    put_variables(store, mlp(), key="father")

    class Failing(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise RuntimeError("no luck")

    backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
    with pytest.raises(RuntimeError, match="no luck"):
        trained(own := mlp(), epochs=2, callbacks=[backup, Failing()])
    again = mlp()
    again.compile(keras.optimizers.Adam(0.0), "mse", jit_compile=False)
    callback = inherit_of(store, parent="father")
    trained(again, epochs=2, callbacks=[callback, keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))])
    assert callback.guest is not None
    assert callback.guest.facts["resumed"]
    assert callback.guest.facts["parent"] is None
    assert callback.guest.facts["cumulative_steps"] is None
    assert int(again.optimizer.iterations) == int(own.optimizer.iterations) + 1


def test_a_model_that_goes_on_in_a_second_fit_does_not_inherit_again(store: hd.Store) -> None:
    put_variables(store, mlp(), key="father")
    callback = inherit_of(store, parent="father")
    model = trained(mlp(), callbacks=[callback])
    model.optimizer.learning_rate = 0.0
    before = model(ROWS, training=False)
    trained(model, callbacks=[callback])
    torch.testing.assert_close(model(ROWS, training=False), before)
    assert [each.parents for each in store.checkpoints("keras")] == [("father",), ("father",)]


def test_training_that_fails_publishes_nothing(store: hd.Store) -> None:
    callback = inherit_of(store)

    class Failing(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise RuntimeError("no luck")

    with pytest.raises(RuntimeError, match="no luck"):
        trained(mlp(), callbacks=[callback, Failing()])
    assert list(store) == []


def test_variables_come_back_bit_by_bit_with_their_random_numbers(store: hd.Store) -> None:
    model, other = trained(mlp()), trained(mlp(), epochs=2)
    load_variables(other, put_variables(store, model, key="a"))
    assert_equal(other, model)
    torch.testing.assert_close(other(ROWS, training=True), model(ROWS, training=True))


def test_what_was_saved_as_a_module_is_loaded_as_variables(store: hd.Store) -> None:
    model, other = trained(mlp()), mlp()
    load_variables(other, hd.save(store, as_module(model), key="a"))
    assert_equal(other, model)


def test_another_architecture_is_refused_with_all_paths_and_nothing_is_changed(store: hd.Store) -> None:
    checkpoint = put_variables(store, mlp(4), key="a")
    other = mlp(6)
    before = other(ROWS)
    with pytest.raises(TransferRefused, match=r"dense/kernel: expected F32 \[3, 6\], found F32 \[3, 4\]"):
        load_variables(other, checkpoint)
    torch.testing.assert_close(other(ROWS), before)
    with pytest.raises(
        TransferRefused, match="dense_1/kernel: it is in the checkpoint, but not in the model"
    ):
        load_variables(keras.Sequential([keras.Input((3,)), layers.Dense(4)]), checkpoint)


def test_a_model_that_is_not_built_and_one_that_is_none_are_refused() -> None:
    with pytest.raises(InputError, match="it has no variables yet"):
        named_variables(keras.Sequential([layers.Dense(4)]))
    with pytest.raises(InputError, match=r"expected a keras\.Model, got Linear"):
        as_module(torch.nn.Linear(1, 1))


def test_a_value_that_is_not_logged_and_a_mode_that_is_none_are_refused(store: hd.Store) -> None:
    with pytest.raises(InputError, match="expected 'accuracy' among the last epoch's logs, got"):
        trained(mlp(), callbacks=[inherit_of(store, monitor="accuracy")])
    with pytest.raises(InputError, match="expected the mode 'min' or 'max', got 'best'"):
        inherit_of(store, mode="best")


def test_the_trials_of_keras_tuner_inherit_by_the_callback_alone(store: hd.Store, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it loads
        import keras_tuner

    class Rows(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            model = mlp(hp.Int("width", 4, 8))
            model.compile("adam", "mse", jit_compile=False)
            return model

        def fit(self, hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
            inherit = inherit_of(
                store, "search", parent=store, monitor="loss", mode="min", parameters=hp.values
            )
            return model.fit(*args, callbacks=[*callbacks, inherit], **kwargs)

    search = keras_tuner.RandomSearch(
        Rows(), objective="loss", max_trials=2, directory=str(tmp_path / "tuner"), seed=0
    )
    search.search(ROWS.numpy(), torch.ones(8, 2).numpy(), epochs=1, verbose=0)
    second = store["keras/rows/search@2"]
    assert second.parents == ("keras/rows/search",)
    assert set(second.metadata["parameters"]) == {"width"}  # type: ignore[arg-type]  # a mapping
