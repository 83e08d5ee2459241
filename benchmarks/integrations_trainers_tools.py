"""The trainers that `integrations_trainers.py` measures, each with a small task and our callback."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import keras
import torch
from integrations_task import digits
from lightning.pytorch import Callback, LightningModule, Trainer
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    TrainerCallback,
    TrainingArguments,
)
from transformers import (
    Trainer as TransformersTrainer,
)

import heredity as hd
from heredity.integrations import keras as for_keras
from heredity.integrations import lightning as for_lightning
from heredity.integrations import transformers as for_transformers

NUM_TRAINED = 900
NUM_EPOCHS = 2
NUM_STEPS, NUM_LORA_STEPS = 20, 40


@dataclass(frozen=True)
class Tool:
    """A trainer and its task.

    Attributes:
        trial: Trains one network.
        sizes: Among which a search draws.
        targets: Accuracies.
        about: What is trained, as a line of the page.
    """

    trial: Callable[..., list[float]]
    sizes: tuple[int, ...]
    targets: tuple[float, ...]
    about: str


# --- Lightning ---------------------------------------------------------------------------------------------


class Digits(LightningModule):  # type: ignore[misc]  # not here
    """One hidden layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
        self.example_input_array = torch.zeros(2, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)  # type: ignore[no-any-return]  # a module's call has no type

    def training_step(self, batch: list[Tensor]) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.003)


def accuracy_of(function: Callable[[Tensor], Tensor]) -> float:
    x, y = digits()
    with torch.no_grad():
        return float((function(x[NUM_TRAINED:]).argmax(1) == y[NUM_TRAINED:]).float().mean())


class LightningParts(Callback):  # type: ignore[misc]  # not here
    """The accuracy after each part."""

    def __init__(self) -> None:
        self.accuracies: list[float] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if (trainer.current_epoch + 1) % NUM_EPOCHS == 0:
            self.accuracies.append(accuracy_of(pl_module))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.callback_metrics["accuracy"] = torch.tensor(self.accuracies[-1])


def lightning_trial(width: int, *, parts: int, seed: int, store: hd.Store | None, number: int) -> list[float]:
    torch.manual_seed(seed)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    model, recorded = Digits(width), LightningParts()
    callbacks: list[Callback] = [recorded]
    if store is not None:
        callbacks.append(
            for_lightning.Inherit(store, trial=str(number), parent=store, publish="last", monitor="accuracy")
        )
    x, y = digits()
    rows = torch.utils.data.TensorDataset(x[:NUM_TRAINED], y[:NUM_TRAINED])
    Trainer(
        accelerator="cpu",
        max_epochs=NUM_EPOCHS * parts,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(model, torch.utils.data.DataLoader(rows, batch_size=128, shuffle=True))
    return recorded.accuracies


# --- Keras -------------------------------------------------------------------------------------------------


class KerasParts(keras.callbacks.Callback):  # type: ignore[misc]  # not here
    """The accuracy after each part, also among the logs, of which the score is one."""

    def __init__(self) -> None:
        super().__init__()
        self.accuracies: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % NUM_EPOCHS == 0:
            self.accuracies.append(accuracy_of(lambda x: self.model(x, training=False)))
            logs["accuracy"] = self.accuracies[-1]


def keras_trial(width: int, *, parts: int, seed: int, store: hd.Store | None, number: int) -> list[float]:
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(width, activation="relu"), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((64,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss)
    recorded = KerasParts()
    callbacks: list[Any] = [recorded]
    if store is not None:
        callbacks.append(
            for_keras.Inherit(
                store,
                experiment="digits",
                trial=str(number),
                parent=store,
                monitor="accuracy",
                example_inputs=torch.zeros(2, 64),
            )
        )
    x, y = (each[:NUM_TRAINED].numpy() for each in digits())
    model.fit(x, y, batch_size=128, epochs=NUM_EPOCHS * parts, verbose=0, callbacks=callbacks)
    return recorded.accuracies


# --- Transformers, and LoRA --------------------------------------------------------------------------------

SIGNS, LENGTH = 6, 8


@cache
def sentences(first: int) -> tuple[Tensor, Tensor]:
    """Signs, and whether the sign `first` comes in them more often than the next one."""
    tokens = torch.randint(SIGNS, (1024, LENGTH), generator=torch.Generator().manual_seed(first))
    return tokens, ((tokens == first).sum(1) > (tokens == first + 1).sum(1)).long()


def judged(model: Any, first: int) -> tuple[float, float]:
    """The share of right answers to what nobody trains on, and the loss."""
    tokens, labels = (each[512:] for each in sentences(first))
    was_training = model.training
    with torch.no_grad():
        logits = model.eval()(input_ids=tokens).logits
    model.train(was_training)
    share = (logits.argmax(1) == labels).float().mean()
    return float(share), float(nn.functional.cross_entropy(logits, labels))


class TransformersParts(TrainerCallback):
    """The accuracy after each part; the loss goes into the Trainer's log, since it is the score."""

    def __init__(self, first: int, num_steps: int) -> None:
        self.first, self.num_steps = first, num_steps
        self.accuracies: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any = None, **others: Any) -> None:
        if state.global_step % self.num_steps == 0:
            accuracy, loss = judged(model, self.first)
            self.accuracies.append(accuracy)
            state.log_history.append({"judged_loss": loss})


def trained(
    model: Any, *, first: int, num_steps: int, parts: int, store: hd.Store | None, number: int
) -> list[float]:
    """By the Trainer, as long as `parts` say."""
    tokens, labels = (each[:512] for each in sentences(first))
    rows: Any = [
        {"input_ids": each, "labels": int(label)} for each, label in zip(tokens, labels, strict=True)
    ]
    recorded = TransformersParts(first, num_steps)
    callbacks: list[TrainerCallback] = [recorded]
    if store is not None:
        given: Any = {"experiment": "signs", "trial": str(number), "metric": "judged_loss", "order": "lowest"}
        example = {"input_ids": tokens[:2]}
        callbacks.append(for_transformers.Inherit(store, parent=store, example_inputs=example, **given))
    args = TrainingArguments(
        tempfile.gettempdir(),
        max_steps=num_steps * parts,
        per_device_train_batch_size=64,
        learning_rate=0.003 if num_steps == NUM_STEPS else 0.01,
        lr_scheduler_type="constant",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    TransformersTrainer(model, args, train_dataset=rows, callbacks=callbacks).train()
    return recorded.accuracies


def bert(width: int) -> Any:
    sizes: Any = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertForSequenceClassification(BertConfig(vocab_size=SIGNS, intermediate_size=width, **sizes))


def transformers_trial(
    width: int, *, parts: int, seed: int, store: hd.Store | None, number: int
) -> list[float]:
    torch.manual_seed(seed)
    return trained(bert(width), first=0, num_steps=NUM_STEPS, parts=parts, store=store, number=number)


@cache
def base() -> Any:
    """The network that all adapters are for, trained on another question."""
    torch.manual_seed(0)
    model = bert(32)
    trained(model, first=2, num_steps=NUM_STEPS, parts=8, store=None, number=0)
    return model.state_dict()


def lora_trial(rank: int, *, parts: int, seed: int, store: hd.Store | None, number: int) -> list[float]:
    model = bert(32)
    model.load_state_dict(base())
    torch.manual_seed(seed)
    settings = LoraConfig(task_type=TaskType.SEQ_CLS, r=rank, target_modules=["query", "value", "dense"])
    model = get_peft_model(model, settings)
    return trained(model, first=0, num_steps=NUM_LORA_STEPS, parts=parts, store=store, number=number)


_DIGITS = f"Digits, one hidden layer of 16 to 64 units, {NUM_EPOCHS} epochs of 8 steps a trial."
TOOLS = {
    "Lightning": Tool(lightning_trial, tuple(range(16, 65)), (0.80, 0.85, 0.90), _DIGITS),
    "Keras": Tool(keras_trial, tuple(range(16, 65)), (0.80, 0.85, 0.90), _DIGITS),
    "Transformers": Tool(
        transformers_trial,
        tuple(range(16, 65)),
        (0.75, 0.80, 0.85),
        "BERT of one layer with 16 to 64 inner units, which of two signs is more often in a sentence of "
        f"eight, {NUM_STEPS} steps of 64 sentences a trial.",
    ),
    "LoRA": Tool(
        lora_trial,
        tuple(range(1, 9)),
        (0.75, 0.80, 0.85),
        "The same question for adapters of rank 1 to 8 on a network that was trained on two other signs, "
        f"{NUM_LORA_STEPS} steps of 64 sentences a trial.",
    ),
}
