"""The Trainer's runs inherit when they begin and publish when they end; resuming is never overwritten."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import heredity as hd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    import optuna
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    from heredity.integrations.transformers import Inherit

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore:.*pin_memory.*"),
]

TOKENS = {"input_ids": torch.randint(5, (2, 6), generator=torch.Generator().manual_seed(0))}


def bert(width: int = 8) -> Any:
    config = BertConfig(
        vocab_size=5,
        hidden_size=8,
        intermediate_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForSequenceClassification(config)


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Four sentences; their label is whether the first sign is a 0."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": torch.full((6,), index), "labels": int(index == 0)}


def arguments(folder: Path, **others: Any) -> Any:
    settings: dict[str, Any] = {"max_steps": 2, "save_strategy": "no", "report_to": "none"} | others
    return TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=4, use_cpu=True, disable_tqdm=True, **settings
    )


def inherit_of(store: hd.Store, **others: Any) -> Inherit:
    settings: dict[str, Any] = {"experiment": "signs", "trial": "1", "parent": None} | others
    settings.setdefault("example_inputs", TOKENS)
    return Inherit(store, **settings)


def trained(folder: Path, callback: Inherit, model: Any = None, *, resume: Any = None, **others: Any) -> Any:
    model_init = others.pop("model_init", None)
    trainer = Trainer(
        model if model_init is None else None,
        arguments(folder, **others),
        train_dataset=Rows(),
        eval_dataset=Rows(),
        model_init=model_init,
        callbacks=[callback],
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def test_training_begins_with_the_parents_function_and_the_optimizers_state(
    store: hd.Store, tmp_path: Path
) -> None:
    callback = inherit_of(store, metric="train_loss", order="lowest")
    father = trained(tmp_path, callback, bert(8)).model
    assert callback.published is not None
    assert callback.published.metadata["steps"] == 2
    assert callback.published.score is not None
    child = bert(12)
    heir = inherit_of(store, trial="2", parent=store)
    trainer = trained(tmp_path, heir, child, learning_rate=0.0)
    torch.testing.assert_close(child(**TOKENS).logits, father(**TOKENS).logits)
    assert heir.guest is not None
    assert heir.guest.facts["verdict"] == "exact"
    steps = {float(state["step"]) for state in trainer.optimizer.state.values()}
    assert steps == {4.0}


def test_a_parent_may_lie_in_another_store_than_the_child(store: hd.Store, tmp_path: Path) -> None:
    elsewhere = hd.open_store(tmp_path / "elsewhere")
    hd.save(elsewhere, bert(8), key="father", example_inputs=TOKENS)
    callback = inherit_of(store, parent=elsewhere)
    trained(tmp_path / "runs", callback, bert(8))
    assert callback.guest is not None
    assert callback.guest.facts["parent"] == "father"


def test_what_resumes_is_not_overwritten_and_keeps_its_parent(store: hd.Store, tmp_path: Path) -> None:
    hd.save(store, bert(), key="father", example_inputs=TOKENS, metadata={"steps": 10})
    own = {"save_strategy": "steps", "save_steps": 1}
    trained(tmp_path, inherit_of(store, parent="father"), model := bert(), **own)
    again = inherit_of(store, parent="father")
    resumed = trained(tmp_path, again, bert(), resume=str(tmp_path / "checkpoint-2"))  # with no step to do
    torch.testing.assert_close(resumed.model(**TOKENS).logits, model(**TOKENS).logits)
    assert again.published is not None
    assert again.published.parents == ("father",)
    assert again.published.metadata["cumulative_steps"] == 12


def test_a_model_that_goes_on_in_a_second_training_does_not_inherit_again(
    store: hd.Store, tmp_path: Path
) -> None:
    hd.save(store, bert(), key="father", example_inputs=TOKENS)
    callback = inherit_of(store, parent="father")
    trainer = trained(tmp_path, callback, model := bert(), learning_rate=0.1)
    logits = model(**TOKENS).logits.detach()
    trainer.args.learning_rate = 0.0
    trainer.optimizer = trainer.lr_scheduler = None
    trainer.train()
    torch.testing.assert_close(model(**TOKENS).logits, logits)


def test_training_that_fails_publishes_nothing(store: hd.Store, tmp_path: Path) -> None:
    model = bert()
    model.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained(tmp_path, inherit_of(store, example_inputs=None), model)
    assert list(store) == []


def test_the_trials_of_a_search_inherit_and_those_that_are_pruned_publish_nothing(
    store: hd.Store, tmp_path: Path
) -> None:
    """The Trainer calls `on_train_end` before it lets a trial be pruned, at the last step, too."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    inherit = inherit_of(store, trial="run", parent=store, metric="eval_loss", order="lowest")

    def build(trial: Any) -> Any:
        return bert(8 if trial is None else trial.suggest_int("width", 8, 12))

    class ThirdOnly(optuna.pruners.BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return bool(trial.number == 2)

    trainer = Trainer(
        args=arguments(tmp_path, eval_strategy="steps", eval_steps=2),
        train_dataset=Rows(),
        eval_dataset=Rows(),
        model_init=inherit.model_init(build),
        callbacks=[inherit],
    )
    trainer.hyperparameter_search(
        hp_space=lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-3)},
        n_trials=3,
        backend="optuna",
        direction="minimize",
        pruner=ThirdOnly(),
    )
    assert list(store) == ["transformers/signs/run-1", "transformers/signs/run-2"]
    second = store["transformers/signs/run-2"]
    assert second.parents == ("transformers/signs/run-1",)
    assert second.metadata["cumulative_steps"] == 4
    assert set(second.metadata["parameters"]) == {"learning_rate", "width"}  # type: ignore[arg-type]  # a mapping


def test_resuming_with_a_model_init_is_not_overwritten(store: hd.Store, tmp_path: Path) -> None:
    hd.save(store, bert(), key="father", example_inputs=TOKENS)
    own = {"save_strategy": "steps", "save_steps": 2}
    trained(tmp_path, inherit_of(store), model := bert(), **own)
    inherit = inherit_of(store, parent="father", trial="2")
    resumed = trained(
        tmp_path,
        inherit,
        model_init=inherit.model_init(lambda _trial: bert()),
        resume=str(tmp_path / "checkpoint-2"),
    )
    torch.testing.assert_close(resumed.model(**TOKENS).logits, model(**TOKENS).logits)
    assert inherit.published is not None
    assert inherit.published.parents == ()
