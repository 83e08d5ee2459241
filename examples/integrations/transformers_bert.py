"""Transformers: a search whose trials inherit, whatever their architecture. Arguments: STORE, RUNS."""

import sys
from typing import Any

import optuna
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import heredity as hd
from heredity.integrations.transformers import Inherit


def build(trial: optuna.Trial | None) -> BertForSequenceClassification:
    width = 16 if trial is None else trial.suggest_int("width", 16, 32)
    sizes: dict[str, Any] = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": width,
    }
    return BertForSequenceClassification(BertConfig(vocab_size=5, **sizes))


def hyperparameters(trial: optuna.Trial) -> dict[str, float]:
    return {"learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)}


rows: Any = [{"input_ids": torch.full((6,), i % 5), "labels": int(i % 5 == 0)} for i in range(40)]
example = {"input_ids": torch.zeros(2, 6, dtype=torch.long)}
store = hd.open_store(sys.argv[1])
inherit = Inherit(store, experiment="signs", trial="run", parent=store, example_inputs=example)
args = TrainingArguments(sys.argv[2], eval_strategy="epoch", max_steps=5, report_to="none", use_cpu=True)
init = inherit.model_init(build)
trainer = Trainer(args=args, train_dataset=rows, eval_dataset=rows, model_init=init, callbacks=[inherit])
trainer.hyperparameter_search(hyperparameters, n_trials=2, backend="optuna", direction="minimize")
print(*((each.key, each.parents) for each in store.checkpoints()), sep="\n")
