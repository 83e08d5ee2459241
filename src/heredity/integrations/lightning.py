"""PyTorch Lightning: a callback that inherits before a fit, and publishes the best or last weights after."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from lightning.pytorch import Callback

from heredity.errors import InputError
from heredity.inheritance import Policy
from heredity.inheritance.snapshots import Snapshot
from heredity.integrations.guests.beginning import Beginning
from heredity.integrations.guests.guest import GuestTrial, Parent, ordered
from heredity.integrations.guests.identity import Identity
from heredity.integrations.guests.marked import MarkedModule
from heredity.store import Checkpoint, Store

if TYPE_CHECKING:
    import torch
    from lightning.pytorch import LightningModule, Trainer

    from heredity.inheritance import ExampleInputs

Publish = Literal["best", "last", "nothing"]


class Inherit(Callback):
    """``Trainer(callbacks=[Inherit(store, trial="wide", parent=store, publish="last")])``.

    Inherits in place when a fit starts, with the optimizer if there is exactly one. A fit that goes on from
    a checkpoint of Lightning's (``ckpt_path``), or with a module that this callback has seen, is left as it
    is. A fit that ends with an exception publishes nothing. Every process inherits from the same parent; the
    first one publishes. It works in a trainer of the package `pytorch_lightning` as well.

    Attributes:
        guest: The trial's side of the store, with its `facts`; None before the first fit.
        published: The checkpoint of the last fit.
    """

    def __init__(  # noqa: PLR0913  # all by name
        self,
        store: Store,
        *,
        trial: str,
        parent: Parent,
        publish: Publish,
        monitor: str | None = None,
        mode: Literal["min", "max"] = "max",
        experiment: str | None = None,
        example_inputs: ExampleInputs | None = None,
        policy: Policy = "best_effort",
        min_coverage: float = 0.0,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            store: Where weights come from and go to.
            trial: What the trial is called.
            parent: Whom it inherits from. For a store, `mode` says which scores are good.
            publish: The weights with the best `monitor` of all validations, the last ones, or none.
            monitor: The logged metric that becomes the score. It must be logged in validation.
            mode: Whether less of it is better, ``"min"``, or more, ``"max"``.
            experiment: What the search is called; by default as the module's class.
            example_inputs: Inputs as the module's `forward` gets them; by default its `example_input_array`.
            policy: As for `heredity.inherit`.
            min_coverage: As for `GuestTrial`.

        Raises:
            InputError: The best is to be published, and nothing is monitored.
        """
        super().__init__()
        if publish == "best" and monitor is None:
            raise InputError(
                "lightning.Inherit: publish='best' needs a metric.", hint="Pass monitor='val_acc'."
            )
        self._store, self._trial, self._experiment = store, trial, experiment
        self._parent = ordered(parent, "lowest" if mode == "min" else "highest")
        self._publish, self._monitor, self._sign = publish, monitor, 1.0 if mode == "max" else -1.0
        self._example_inputs, self._policy, self._min_coverage = example_inputs, policy, min_coverage
        self._seen = MarkedModule()
        self._best: tuple[float, int, Snapshot] | None = None
        self._restored: Beginning | None = None
        self.guest: GuestTrial | None = None
        self.published: Checkpoint | None = None

    # --- Lightning's hooks ---------------------------------------------------------------------------------

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Inherit, or say that the fit resumes.

        Args:
            trainer: Lightning's.
            pl_module: The module.
        """
        self._best = None
        goes_on = pl_module in self._seen and self.guest is not None
        known = self.guest.beginning if goes_on and self.guest else self._restored
        self.guest = self._guest_of(pl_module)
        if trainer.ckpt_path is not None or goes_on or trainer.global_step > 0:
            self.guest.has_resumed(known)
        else:
            self.guest.inherit(
                pl_module, optimizer=_only_optimizer(trainer), example_inputs=self._inputs_of(pl_module)
            )
        self._seen.mark(pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the best weights so far, in the host's memory.

        Args:
            trainer: Lightning's.
            pl_module: The module.

        Raises:
            InputError: The metric was not logged.
        """
        if trainer.sanity_checking or self._publish != "best" or self.guest is None:
            return
        score = self._score(trainer)
        if score is None:
            logged = ", ".join(map(repr, sorted(trainer.callback_metrics)))
            raise InputError(
                f"lightning.Inherit: validation has logged no {self._monitor!r}.",
                hint=f"There are {logged or 'no metrics at all'}.",
            )
        is_best = self._best is None or self._sign * score > self._sign * self._best[0]
        if is_best and trainer.is_global_zero:
            self._best = (score, trainer.global_step, Snapshot(pl_module))

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Publish.

        Args:
            trainer: Lightning's.
            pl_module: The module.

        Warns:
            UserWarning: The best is asked for, and there was no validation: the last is published.
        """
        if self._publish == "nothing" or not trainer.is_global_zero or self.guest is None:
            return
        if self._publish == "best" and self._best is None:
            warnings.warn(
                "lightning.Inherit: there was no validation, so the last weights are published.", stacklevel=2
            )
        if self._best is None:
            optimizer = _only_optimizer(trainer)
            self._save(pl_module, score=self._score(trainer), steps=trainer.global_step, optimizer=optimizer)
            return
        score, steps, best = self._best
        last = Snapshot(pl_module)
        best.restore()
        try:
            self._save(pl_module, score=score, steps=steps, optimizer=None)
        finally:
            last.restore()

    def state_dict(self) -> dict[str, Any]:
        """How the trial began, for Lightning's checkpoints."""
        return {} if self.guest is None else {"beginning": self.guest.beginning.to_json()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """How the trial began, from the checkpoint that it resumes from.

        Args:
            state_dict: What `state_dict` gave.
        """
        if "beginning" in state_dict:
            self._restored = Beginning.from_json(state_dict["beginning"])

    # --------------------------------------------------------------------------------------------------------

    def _guest_of(self, module: LightningModule) -> GuestTrial:
        parameters = module.hparams if isinstance(module.hparams, Mapping) else {}
        experiment = self._experiment or type(module).__name__
        return GuestTrial(
            self._store,
            Identity("lightning", experiment, self._trial, dict(parameters)),
            parent=self._parent,
            policy=self._policy,
            min_coverage=self._min_coverage,
        )

    def _inputs_of(self, module: LightningModule) -> Any:  # noqa: ANN401  # Lightning's own kinds of inputs
        return module.example_input_array if self._example_inputs is None else self._example_inputs

    def _score(self, trainer: Trainer) -> float | None:
        value = None if self._monitor is None else trainer.callback_metrics.get(self._monitor)
        return None if value is None else float(value)

    def _save(
        self,
        module: LightningModule,
        *,
        score: float | None,
        steps: int,
        optimizer: torch.optim.Optimizer | None,
    ) -> None:
        assert self.guest is not None  # noqa: S101  # the fit has started
        self.published = self.guest.save(
            module, score=score, steps=steps, example_inputs=self._inputs_of(module), optimizer=optimizer
        )


def _only_optimizer(trainer: Trainer) -> torch.optim.Optimizer | None:
    """The optimizer, where there is no doubt which one."""
    return trainer.optimizers[0] if len(trainer.optimizers) == 1 else None
