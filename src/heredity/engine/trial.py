"""What a trial function is given: its hyperparameters, its parents' weights, and a way to report and save."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heredity.encoding import Json, decode, encode
from heredity.engine.orders import TrialOrder
from heredity.errors import InputError, InvalidReport, TransferRefused
from heredity.experiment import events as happened
from heredity.ids import CheckpointKey, TrialId, parse_checkpoint_key
from heredity.store import Checkpoint, Store, open_store

if TYPE_CHECKING:
    import torch

    from heredity.inheritance import ExampleInputs, Inheritance

Emit = Callable[[happened.AttemptEvent], None]


class Trial:
    """One attempt at one trial, as the trial function sees it.

    Weights pass through the store alone. What a trial reports and saves is in the experiment's journal when
    the driver has received it; a save is in the store, whole and on disk, when it returns.
    """

    def __init__(self, order: TrialOrder, emit: Emit) -> None:
        self._order = order
        self._emit = emit
        self._last_report: float | None = None
        self._num_reports = 0

    @property
    def id(self) -> TrialId:
        """The trial's name within its experiment."""
        return self._order.trial

    @property
    def attempt(self) -> int:
        """1 at the first start, 2 after the first loss, and so on."""
        return self._order.attempt

    @property
    def parameters(self) -> Mapping[str, Any]:  # Any: hyperparameters are of the user's types
        """The hyperparameters."""
        return self._order.parameters

    @property
    def seed(self) -> int:
        """The trial's own seed; Python's, numpy's and torch's generators were seeded with it."""
        return self._order.seed

    @property
    def directory(self) -> Path:
        """The experiment's directory, shared by all its trials: what they write there is theirs to order."""
        return Path(self._order.directory)

    @cached_property
    def store(self) -> Store:
        """The experiment's store."""
        return open_store(self._order.store_url)

    @property
    def parents(self) -> Mapping[TrialId, CheckpointKey | None]:
        """The parents' checkpoints by trial; empty for a founder."""
        return self._order.parents

    @property
    def parent(self) -> Checkpoint | None:
        """The first parent's checkpoint; None for a founder.

        Raises:
            TransferRefused: The parent completed without saving anything.
        """
        if not self._order.parents:
            return None
        trial, key = next(iter(self._order.parents.items()))
        if key is None:
            raise TransferRefused(
                f"Trial {self.id}: its parent {trial} completed without saving a checkpoint.",
                hint="Call `trial.save(...)` in the parent.",
            )
        return self.store[key]

    def inherit(
        self, module: torch.nn.Module, *, example_inputs: ExampleInputs | None = None
    ) -> Inheritance | None:
        """Take over the first parent's weights, in place; nothing happens to a founder.

        What came over, tensor by tensor, is printed into the attempt's log.

        Args:
            module: The trial's network, of any architecture.
            example_inputs: Inputs as the network gets them. With them, the outputs of parent and child are
                compared, and the difference is recorded; without them, inputs of the parent's shapes are used
                to trace the child, and nothing is compared.

        Returns:
            What came over, with its certificate; None for a founder.

        Raises:
            TransferRefused: The parent saved nothing, or less than the experiment's `min_coverage` came over:
                a trial that would silently train from nothing.
        """
        parent = self.parent
        if parent is None:
            return None
        inherit = _inheritance_module().inherit
        inheritance: Inheritance = inherit(module, parent, example_inputs=example_inputs)
        if inheritance.coverage < self._order.min_coverage:
            raise TransferRefused(
                f"Trial {self.id}: {inheritance.coverage:.1%} of its weights come from {parent.key}, "
                f"less than min_coverage = {self._order.min_coverage:.1%}.\n{inheritance}",
                hint="Choose a nearer parent, or lower min_coverage.",
            )
        print(inheritance, flush=True)  # noqa: T201  # tensor by tensor, into the attempt's log
        self._emit(
            happened.TrialInherited(
                at=time.time(), trial=self.id, attempt=self.attempt, inheritance=inheritance.summary()
            )
        )
        return inheritance

    def report(self, value: float, *, step: int | None = None) -> None:
        """Report the quantity that the experiment looks at; more is better or less is, as its strategy says.

        Args:
            value: A finite number.
            step: The trial's own training steps (not its ancestors') so far; by default one more than at the
                last report. Step 0 is what was inherited, before the first step.

        Raises:
            InvalidReport: The value is no finite number, or the step is negative.
        """
        number = _finite_number(value, what=f"Trial {self.id}: report")
        step = self._num_reports + 1 if step is None else step
        if step < 0:
            raise InvalidReport(f"Trial {self.id}: report: expected step >= 0, got {step}.")
        self._num_reports = step
        self._last_report = number
        self._emit(
            happened.TrialReported(
                at=time.time(), trial=self.id, attempt=self.attempt, step=step, value=number
            )
        )

    def save(
        self,
        module: torch.nn.Module,
        *,
        example_inputs: ExampleInputs | None = None,
        tag: str | None = None,
        metadata: Mapping[str, Json] | None = None,
    ) -> Checkpoint:
        """Publish the network's weights; the trial's last save is what its children inherit.

        The checkpoint's score is the trial's last report.

        Args:
            module: The network.
            example_inputs: Inputs as the network gets them, to record its graph. Without a graph, or where it
                cannot be recorded (a warning says so), children of another architecture can only be given
                tensors of the same name and shape.
            tag: Set it to save more than once, as in ``"epoch-3"``: a key is used once.
            metadata: Whatever should be found with the weights.

        Raises:
            KeyTaken: Two saves have the same tag and different content.
        """
        checkpoint: Checkpoint = _inheritance_module().save(
            self.store,
            module,
            key=self._key(tag),
            parents=self._parent_keys(),
            score=self._last_report,
            example_inputs=example_inputs,
            metadata=self._metadata(metadata),
        )
        return self._saved(checkpoint)

    def save_tensors(
        self,
        tensors: Mapping[str, Any],  # Any: arrays of whatever framework the store knows
        *,
        tag: str | None = None,
        metadata: Mapping[str, Json] | None = None,
    ) -> Checkpoint:
        """Publish plain tensors, or metadata alone; else as `save`."""
        checkpoint = self.store.put(
            self._key(tag),
            tensors,
            parents=self._parent_keys(),
            score=self._last_report,
            metadata=self._metadata(metadata),
        )
        return self._saved(checkpoint)

    def _saved(self, checkpoint: Checkpoint) -> Checkpoint:
        self._emit(
            happened.CheckpointSaved(at=time.time(), trial=self.id, attempt=self.attempt, key=checkpoint.key)
        )
        return checkpoint

    def _key(self, tag: str | None) -> CheckpointKey:
        # The attempt is part of the key: a lost attempt that comes back cannot take its successor's name.
        suffix = "" if tag is None else f".{tag}"
        return parse_checkpoint_key(f"{self._order.experiment}/{self.id}@{self.attempt}{suffix}")

    def _parent_keys(self) -> list[CheckpointKey]:
        return [key for key in self._order.parents.values() if key is not None]

    def _metadata(self, metadata: Mapping[str, Json] | None) -> dict[str, Json]:
        return {"trial": self.id, "parameters": self._order.parameters, **(metadata or {})}

    def score_of(self, returned: object) -> float | None:
        """The score that a trial function's return value stands for; its last report if it returned None.

        Raises:
            InvalidReport: The function returned something else than a finite number or None.
        """
        if returned is None:
            return self._last_report
        return _finite_number(returned, what=f"Trial {self.id}: the trial function's return value")


def plain_parameters(parameters: Mapping[str, Json]) -> Mapping[str, Json]:
    """The hyperparameters as JSON carries them, so that every executor hands over the same values.

    Raises:
        InputError: A value has no JSON form.
    """
    try:
        value = decode(encode(parameters))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"hyperparameters {parameters!r}: {error}.",
            hint="Use numbers, texts, truth values, lists and objects.",
        ) from error
    if not isinstance(value, Mapping):
        raise InputError(f"hyperparameters {parameters!r}: expected a mapping.")
    return value


def _finite_number(value: object, *, what: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # 0-d tensors and numpy scalars are numbers, too
    except (TypeError, ValueError) as error:
        raise InvalidReport(
            f"{what}: expected a number, got {type(value).__name__} {value!r:.80}."
        ) from error
    if not math.isfinite(number) or isinstance(value, str):
        raise InvalidReport(f"{what}: expected a finite number, got {value!r}.")
    return number


def _inheritance_module() -> Any:  # noqa: ANN401  # a module, loaded late
    # On first use: a trial that shares no weights of torch's must not pay for torch.
    return importlib.import_module("heredity.inheritance")
