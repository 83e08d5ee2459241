"""Lightning's fits inherit before they start and publish when they end; resuming is never overwritten."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import InputError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    import lightning.pytorch as lightning
    import pytorch_lightning
    from lightning.pytorch import LightningModule

    from heredity.integrations.lightning import Inherit

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*log_every_n_steps"),
    pytest.mark.filterwarnings("ignore:You defined a `validation_step`"),
    pytest.mark.filterwarnings("ignore:.*Checkpoint directory .* exists"),
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec.. is deprecated"),
]


class Parts(LightningModule if TYPE_CHECKING else object):  # type: ignore[misc]  # Lightning is optional
    """Logs an accuracy that is given, one value for each validation."""

    def __init__(self, width: int, accuracies: tuple[float, ...] = ()) -> None:
        super().__init__()
        self.save_hyperparameters("width")
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))
        self.example_input_array = torch.randn(2, 3)
        self.accuracies = list(accuracies)
        self.first_output: torch.Tensor | None = None

    net: nn.Module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)  # type: ignore[no-any-return]  # nn.Module's call has no type

    def on_train_start(self) -> None:
        self.first_output = self(self.example_input_array).detach()

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        if self.accuracies:
            self.log("val_acc", self.accuracies.pop(0))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.1)


class Classifier(Parts, LightningModule):
    """For the package `lightning`."""


class OlderClassifier(Parts, pytorch_lightning.LightningModule):
    """For the package `pytorch_lightning`, whose classes are others."""


def loader() -> Any:
    data = torch.utils.data.TensorDataset(torch.randn(8, 3), torch.randint(2, (8,)))
    return torch.utils.data.DataLoader(data, batch_size=8)


def trainer_of(*callbacks: Any, library: Any = lightning, **options: Any) -> Any:
    settings = {"max_epochs": 2, "num_sanity_val_steps": 0, "enable_checkpointing": False} | options
    return library.Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **settings,
    )


def fitted(module: Classifier, callback: Inherit, **options: Any) -> Inherit:
    trainer_of(callback, **options).fit(module, loader())
    return callback


def weights_of(checkpoint: Any, like: Classifier) -> Classifier:
    hd.load(like, checkpoint)
    return like


@pytest.mark.parametrize(
    ("library", "kind"), [(lightning, Classifier), (pytorch_lightning, OlderClassifier)], ids=["new", "older"]
)
def test_a_fit_begins_with_its_parents_function(store: hd.Store, library: Any, kind: Any) -> None:
    father, child = kind(4), kind(6)
    child.example_input_array = father.example_input_array
    hd.save(store, father, key="father", example_inputs=father.example_input_array)
    callback = Inherit(store, trial="child", parent=store, publish="nothing")
    trainer_of(callback, library=library).fit(child, loader())
    assert child.first_output is not None
    torch.testing.assert_close(child.first_output, father(father.example_input_array))
    assert callback.guest is not None
    assert callback.guest.facts["verdict"] == "exact"


def test_a_parent_may_lie_in_another_store_than_the_child(store: hd.Store, tmp_path: Path) -> None:
    elsewhere = hd.open_store(tmp_path / "elsewhere")
    hd.save(elsewhere, Classifier(4), key="father", example_inputs=torch.randn(2, 3))
    callback = fitted(Classifier(6), Inherit(store, trial="child", parent=elsewhere, publish="last"))
    assert callback.guest is not None
    assert callback.guest.facts["parent"] == "father"
    assert [checkpoint.key for checkpoint in store.checkpoints()] == ["lightning/Classifier/child"]


def test_the_optimizer_trains_the_same_parameters_with_the_parents_moments(store: hd.Store) -> None:
    first = fitted(Classifier(4), Inherit(store, trial="1", parent=None, publish="last"))
    assert first.published is not None
    steps: list[float] = []

    class Spy(lightning.Callback):
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            (group,) = trainer.optimizers[0].param_groups
            assert [id(p) for p in group["params"]] == [id(p) for p in pl_module.parameters()]
            steps.extend(float(state["step"]) for state in trainer.optimizers[0].state.values())

    second = Inherit(store, trial="2", parent=store, publish="last")
    trainer_of(second, Spy()).fit(Classifier(6), loader())
    assert steps
    assert set(steps) == {2.0}
    assert second.published is not None
    assert second.published.parents == (first.published.key,)


def test_the_last_weights_are_published_with_their_steps(store: hd.Store) -> None:
    module = Classifier(4)
    callback = fitted(module, Inherit(store, trial="1", parent=None, publish="last"))
    said = store["lightning/Classifier/1"].metadata
    assert (said["steps"], said["parameters"]) == (2, {"width": 4})
    torch.testing.assert_close(
        weights_of(callback.published, Classifier(4)).state_dict(), module.state_dict()
    )


def test_the_best_weights_are_published_and_the_module_keeps_its_last(store: hd.Store) -> None:
    module = Classifier(4, accuracies=(0.9, 0.2))
    callback = Inherit(store, trial="1", parent=None, publish="best", monitor="val_acc")
    kept: list[dict[str, torch.Tensor]] = []

    class Spy(lightning.Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            kept.append({name: value.clone() for name, value in pl_module.state_dict().items()})

    trainer_of(callback, Spy()).fit(module, loader(), loader())
    assert callback.published is not None
    assert callback.published.score == pytest.approx(0.9)
    assert callback.published.metadata["steps"] == 1
    torch.testing.assert_close(dict(weights_of(callback.published, Classifier(4)).state_dict()), kept[0])
    torch.testing.assert_close(dict(module.state_dict()), kept[1])


def test_a_metric_that_validation_does_not_log_is_asked_for_at_once(store: hd.Store) -> None:
    callback = Inherit(store, trial="1", parent=None, publish="best", monitor="val_akk")
    with pytest.raises(InputError, match=r"validation has logged no 'val_akk'\. There are 'val_acc'"):
        trainer_of(callback).fit(Classifier(4, accuracies=(0.5, 0.5)), loader(), loader())
    assert list(store) == []
    with pytest.raises(InputError, match="publish='best' needs a metric"):
        Inherit(store, trial="1", parent=None, publish="best")


def test_a_fit_that_resumes_is_not_overwritten_and_keeps_its_parent(store: hd.Store, tmp_path: Path) -> None:
    hd.save(store, Classifier(4), key="father", score=1.0, metadata={"steps": 10})
    first = trainer_of(Inherit(store, trial="1", parent="father", publish="nothing"), max_epochs=1)
    first.fit(module := Classifier(4), loader())
    first.save_checkpoint(tmp_path / "own.ckpt")
    again, callback = Classifier(4), Inherit(store, trial="1", parent="father", publish="last")
    again.example_input_array = module.example_input_array
    trainer_of(callback).fit(again, loader(), ckpt_path=tmp_path / "own.ckpt")
    assert again.first_output is not None
    torch.testing.assert_close(again.first_output, module(module.example_input_array))
    assert callback.published is not None
    assert callback.published.parents == ("father",)
    assert callback.published.metadata["cumulative_steps"] == 12


def test_a_module_that_goes_on_in_a_second_fit_does_not_inherit_again(store: hd.Store) -> None:
    hd.save(store, Classifier(4), key="father")
    callback = Inherit(store, trial="1", parent="father", publish="nothing")
    module = Classifier(4)
    fitted(module, callback)
    trained = module(module.example_input_array)
    fitted(module, callback)
    assert module.first_output is not None
    torch.testing.assert_close(module.first_output, trained)
    assert callback.guest is not None
    assert callback.guest.facts["parent"] == "father"


def test_a_fit_that_fails_publishes_nothing(store: hd.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no luck")

    module = Classifier(4)
    monkeypatch.setattr(module, "training_step", fail)
    with pytest.raises(RuntimeError, match="no luck"):
        fitted(module, Inherit(store, trial="1", parent=None, publish="last"))
    assert list(store) == []
