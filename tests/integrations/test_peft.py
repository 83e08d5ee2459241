"""Models with LoRA adapters of peft inherit like any other: across ranks, scalings and wider bases."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import heredity as hd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    from heredity.integrations.transformers import Inherit

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.filterwarnings("ignore:.*pin_memory.*"),
    pytest.mark.filterwarnings(
        "ignore:.*is_gradient_checkpointing.*:FutureWarning"
    ),  # peft asks Transformers so
]

TOKENS = {"input_ids": torch.randint(5, (2, 6), generator=torch.Generator().manual_seed(0))}
LABELS = torch.tensor([0, 1])


def bert(width: int = 8) -> Any:
    sizes: Any = {
        "hidden_size": 8,
        "intermediate_size": width,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    dropout: Any = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertForSequenceClassification(BertConfig(vocab_size=5, **sizes, **dropout))


def settings(rank: int, **others: Any) -> Any:
    given: dict[str, Any] = {"target_modules": ["query", "value", "dense"], "lora_alpha": 4} | others
    return LoraConfig(task_type=TaskType.SEQ_CLS, r=rank, **given)


def lora(rank: int, width: int = 8, **others: Any) -> Any:
    return get_peft_model(bert(width), settings(rank, **others))


def adam(model: Any) -> torch.optim.Adam:
    return torch.optim.Adam([each for each in model.parameters() if each.requires_grad], lr=0.01)


def trained(model: Any) -> torch.optim.Adam:
    optimizer = adam(model)
    for _ in range(2):
        optimizer.zero_grad()
        model(**TOKENS, labels=LABELS).loss.backward()
        optimizer.step()
    return optimizer


def inherited(store: hd.Store, father: Any, child: Any) -> hd.Inheritance:
    hd.save(store, father, key="father", example_inputs=TOKENS)
    return hd.inherit(child, store["father"], example_inputs=TOKENS)


def assert_equal(child: Any, father: Any) -> None:
    torch.testing.assert_close(child.eval()(**TOKENS).logits, father.eval()(**TOKENS).logits)


def run(store: hd.Store, folder: Path, model: Any, *, trial: str, rate: float) -> tuple[Inherit, Any]:
    rows: Any = [{"input_ids": torch.full((6,), i), "labels": int(i == 0)} for i in range(4)]
    inherit = Inherit(store, experiment="lora", trial=trial, parent=store, example_inputs=TOKENS)
    args = TrainingArguments(
        str(folder),
        max_steps=2,
        learning_rate=rate,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model, args, train_dataset=rows, callbacks=[inherit])
    trainer.train()
    return inherit, trainer.optimizer


def test_the_trainers_heir_goes_on_with_more_rank_on_a_wider_base(store: hd.Store, tmp_path: Path) -> None:
    father, child = lora(2), lora(4, 12)
    run(store, tmp_path, father, trial="1", rate=0.01)
    inherit, optimizer = run(store, tmp_path, child, trial="2", rate=0.0)
    assert inherit.guest is not None
    assert inherit.guest.facts["verdict"] == "exact"
    assert_equal(child, father)
    assert {float(state["step"]) for state in optimizer.state.values()} == {4.0}


def test_the_store_keeps_the_tensors_of_the_base_once(store: hd.Store) -> None:
    model = lora(2)
    hd.save(store, model, key="before")
    trained(model)
    hd.save(store, model, key="after", parents=["before"])
    owners = {name: entry.owner for name, entry in store["after"].manifest.tensors.items()}
    own = {name for name, owner in owners.items() if owner == "after"}
    assert own
    assert all("lora_" in name or "modules_to_save" in name for name in own)


def test_the_optimizers_state_of_the_adapters_goes_along(store: hd.Store) -> None:
    father, child = lora(2), lora(4)
    hd.save(store, father, key="father", example_inputs=TOKENS, optimizer=trained(father))
    report = hd.inherit(child, store["father"], example_inputs=TOKENS, optimizer=adam(child)).optimizer
    assert report is not None
    assert set(report.carried) == {name for name, each in child.named_parameters() if each.requires_grad}


def test_whole_modules_that_are_trained_beside_the_adapters_go_on(store: hd.Store) -> None:
    others: Any = {"target_modules": ["query"], "modules_to_save": ["dense"], "lora_alpha": 16}
    father, child = lora(2, **others), lora(4, 12, **others, use_rslora=True)
    trained(father)
    assert inherited(store, father, child).is_exact
    assert_equal(child, father)


def test_of_several_adapters_each_goes_on(store: hd.Store) -> None:
    """The inactive one is read by no operator, and comes over by its name as it is."""
    father, child = (lora(rank, target_modules=["query"]) for rank in (2, 4))
    for model in (father, child):
        model.add_adapter("other", settings(3, target_modules=["query"]))
        model.set_adapter("other")
        trained(model)
        model.set_adapter("default")
    trained(father)
    assert inherited(store, father, child).is_exact
    for active in ("default", "other"):
        father.set_adapter(active)
        child.set_adapter(active)
        assert_equal(child, father)


def test_a_merged_copy_is_a_parent_for_networks_without_adapters(store: hd.Store) -> None:
    father, child = lora(2), bert(12)
    trained(father)
    assert inherited(store, copy.deepcopy(father).merge_and_unload(), child).is_exact
    assert_equal(child, father)


def test_a_base_inherits_before_it_gets_its_adapters(store: hd.Store) -> None:
    father, base = bert(), bert(12)
    assert inherited(store, father, base).is_exact
    assert_equal(get_peft_model(base, settings(4)), father)


def test_a_parent_without_adapters_is_not_called_exact(store: hd.Store) -> None:
    father = bert()
    trained(father)
    assert not inherited(store, father, lora(2)).is_exact


def test_adapters_by_dora_are_not_called_exact_across_ranks(store: hd.Store) -> None:
    dora: Any = {"use_dora": True, "target_modules": ["query"]}
    father = lora(2, **dora)
    trained(father)
    assert not inherited(store, father, lora(4, **dora)).is_exact
