"""LoRA: more rank on a wider network, and the same function to begin with. Arguments: STORE, RUNS."""

import sys
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import heredity as hd
from heredity.integrations.transformers import Inherit

rows: Any = [{"input_ids": torch.full((6,), i % 5), "labels": int(i % 5 == 0)} for i in range(40)]
example = {"input_ids": torch.zeros(2, 6, dtype=torch.long)}
store = hd.open_store(sys.argv[1])
for rank, width in ((2, 16), (4, 24)):
    sizes: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    base = BertForSequenceClassification(BertConfig(vocab_size=5, intermediate_size=width, **sizes))
    lora = LoraConfig(task_type=TaskType.SEQ_CLS, r=rank, target_modules=["query", "value", "dense"])
    inherit = Inherit(store, experiment="lora", trial=f"r{rank}", parent=store, example_inputs=example)
    args = TrainingArguments(sys.argv[2], max_steps=5, learning_rate=0.01, report_to="none", use_cpu=True)
    Trainer(get_peft_model(base, lora), args, train_dataset=rows, callbacks=[inherit]).train()
    print(inherit.guest and inherit.guest.facts)
