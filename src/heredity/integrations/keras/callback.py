"""Inherit: a callback of Keras's `fit` that inherits before the first epoch, and publishes at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import keras

from heredity.errors import InputError
from heredity.inheritance import Policy
from heredity.integrations.guests import Beginning, GuestTrial, Identity, Parent, ordered
from heredity.integrations.guests.beginning import NOTHING
from heredity.integrations.keras.modules import as_module
from heredity.store import Checkpoint, Store

if TYPE_CHECKING:
    from heredity.inheritance import ExampleInputs


class Inherit(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """``model.fit(…, callbacks=[Inherit(store, experiment="digits", trial="48", parent=store)])``.

    With torch as Keras's backend. A model that has been trained already, which its optimizer's count of steps
    tells (as after `BackupAndRestore`, or a second `fit`), is left as it is. Training that ends with an
    exception publishes nothing. The state of Keras's optimizers does not go along.

    Attributes:
        guest: The trial's side of the store, with its `facts`; None before the first training.
        published: The checkpoint of the last training that has ended well.
    """

    def __init__(  # noqa: PLR0913  # all by name
        self,
        store: Store,
        *,
        experiment: str,
        trial: str,
        parent: Parent,
        example_inputs: ExampleInputs | None = None,
        monitor: str | None = None,
        mode: Literal["min", "max"] = "max",
        parameters: Mapping[str, object] | None = None,
        policy: Policy = "best_effort",
        min_coverage: float = 0.0,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            store: Where weights come from and go to.
            experiment: What the search is called.
            trial: What the trial is called.
            parent: Whom it inherits from. For a store, `mode` says which scores are good.
            example_inputs: Inputs as the model gets them, tensors of torch's.
            monitor: Which of the last epoch's logs becomes the score, such as ``"val_accuracy"``.
            mode: Whether less of it is better, ``"min"``, or more, ``"max"``.
            parameters: The trial's hyperparameters, to be found with the weights.
            policy: As for `heredity.inherit`.
            min_coverage: As for `GuestTrial`.

        Raises:
            InputError: There is no such mode, or as for `GuestTrial`.
        """
        super().__init__()
        if mode not in {"min", "max"}:
            raise InputError(f"Inherit: expected the mode 'min' or 'max', got {mode!r:.80}.")
        self._store, self._monitor, self._example_inputs = store, monitor, example_inputs
        self._identity = Identity("keras", experiment, trial, parameters or {})
        self._parent = ordered(parent, "highest" if mode == "max" else "lowest")
        self._policy, self._min_coverage = policy, min_coverage
        self._is_begun = False
        self._logs: Mapping[str, Any] = {}  # Any: Keras's logs
        self.guest: GuestTrial | None = None
        self.published: Checkpoint | None = None

    def on_train_begin(self, logs: object = None) -> None:
        """Wait: a callback that restores the model's own weights may come after this one.

        Args:
            logs: Keras's.
        """
        self._is_begun, self._logs = False, {}

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Before the first epoch, inherit, or see that training goes on.

        Args:
            epoch: Keras's.
            logs: Keras's.
        """
        if self._is_begun:
            return
        self._is_begun = True
        goes_on = self._num_steps() > 0
        if self.guest is None or not goes_on:
            self.guest = GuestTrial(
                self._store,
                self._identity,
                parent=self._parent,
                policy=self._policy,
                min_coverage=self._min_coverage,
            )
            if goes_on:
                reason = "the model had been trained before; it is not known how it began"
                self.guest.has_resumed(Beginning(NOTHING, reason=reason, ancestor_steps=None))
        if not goes_on:
            self.guest.inherit(as_module(self.model), example_inputs=self._example_inputs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Remember the logs, of which one is the score.

        Args:
            epoch: Keras's.
            logs: Keras's.
        """
        self._logs = dict(logs or {})

    def on_train_end(self, logs: object = None) -> None:
        """Publish the weights that the model has.

        Args:
            logs: Keras's.

        Raises:
            InputError: There is no value to monitor.
        """
        if self.guest is None or not self._is_begun:
            return
        self.published = self.guest.save(
            as_module(self.model),
            score=self._score(),
            steps=self._num_steps(),
            example_inputs=self._example_inputs,
        )

    def _num_steps(self) -> int:
        return int(self.model.optimizer.iterations)

    def _score(self) -> float | None:
        if self._monitor is None:
            return None
        if self._monitor not in self._logs:
            raise InputError(
                f"Inherit: expected {self._monitor!r} among the last epoch's logs, got {sorted(self._logs)}."
            )
        return float(self._logs[self._monitor])
