"""Transformers: a callback of its Trainer that inherits before training and publishes after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from transformers import TrainerCallback

from heredity.inheritance import Policy
from heredity.integrations.guests.beginning import Beginning
from heredity.integrations.guests.guest import GuestTrial, Parent, ordered
from heredity.integrations.guests.identity import Identity, as_json
from heredity.integrations.guests.marked import MarkedModule
from heredity.store import Checkpoint, Store

if TYPE_CHECKING:
    import torch
    from transformers import TrainerControl, TrainerState, TrainingArguments

    from heredity.inheritance import ExampleInputs

Model = TypeVar("Model", bound="torch.nn.Module")

_STATE = "heredity"
"""Our entry among the states of callbacks in ``trainer_state.json``."""


class Inherit(TrainerCallback):
    """``Trainer(…, callbacks=[Inherit(store, experiment="digits", trial="wide", parent=store)])``.

    Inherits in place when training begins, with the optimizer. Training that resumes from a checkpoint of the
    Trainer's, or goes on with a model that this callback has seen, is left as it is. A trial that
    `hyperparameter_search` prunes, and training that ends with an exception, publish nothing. Every process
    inherits from the same parent; the first one publishes.

    With `hyperparameter_search` each trial is another one, which `trial` and a number name. Give the Trainer
    ``model_init=inherit.model_init(build)`` if the architecture depends on the trial, or the model is going
    to be sharded.

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
        metric: str | None = None,
        order: Literal["highest", "lowest"] = "highest",
        example_inputs: ExampleInputs | None = None,
        policy: Policy = "best_effort",
        min_coverage: float = 0.0,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            store: Where weights come from and go to.
            experiment: What the search is called.
            trial: What the trial is called.
            parent: Whom it inherits from. For a store, `order` says which scores are good.
            metric: Which logged value becomes the score, such as ``"eval_accuracy"``: the last one, or the
                best one if the Trainer loads the best model at the end by this metric.
            order: Which scores are good.
            example_inputs: Inputs as the model gets them: a mapping of tensors.
            policy: As for `heredity.inherit`.
            min_coverage: As for `GuestTrial`.
        """
        self._store, self._experiment, self._trial = store, experiment, trial
        self._parent = ordered(parent, order)
        self._metric, self._example_inputs = metric, example_inputs
        self._policy, self._min_coverage = policy, min_coverage
        self._seen = MarkedModule()
        self._is_over = False
        self._num_trials = 0
        self.guest: GuestTrial | None = None
        self.published: Checkpoint | None = None

    def model_init(
        self,
        build: Callable[[Any], Model],  # Any: a trial of the search's backend, or None
    ) -> Callable[[Any], Model]:
        """What a Trainer takes as ``model_init``: builds a model, which inherits before it is wrapped.

        The optimizer does not exist yet, so its state begins anew.

        Args:
            build: Makes a model for a trial of the search's backend; for None outside of a search.
        """

        def init(trial: Any) -> Model:  # noqa: ANN401  # as above
            model = build(trial)
            self.guest = self._guest_of(getattr(trial, "params", trial), is_search=trial is not None)
            self.guest.inherit(model, example_inputs=self._example_inputs)
            self._seen.mark(model)
            return model

        return init

    # --- the Trainer's hooks -------------------------------------------------------------------------------

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        model: torch.nn.Module | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        **others: object,
    ) -> None:
        """Inherit, or say that training resumes.

        Args:
            args: The Trainer's.
            state: The Trainer's.
            control: The Trainer's.
            model: What is trained.
            optimizer: What trains it.
            **others: The Trainer's.
        """
        assert model is not None  # noqa: S101  # the Trainer gives it
        self._is_over = False
        is_seen = model in self._seen
        if not is_seen or self.guest is None:
            self.guest = self._guest_of(state.trial_params, is_search=state.is_hyper_param_search)
        elif isinstance(state.trial_params, dict):  # those of the training were not known to `model_init`
            self.guest.identity = replace(self.guest.identity, parameters=state.trial_params)
        if state.global_step > 0:
            self.guest.has_resumed(_kept_beginning(state))
        elif not is_seen:
            plain = getattr(optimizer, "optimizer", optimizer)  # without Accelerate's wrapper
            self.guest.inherit(model, optimizer=plain, example_inputs=self._example_inputs)
        self._seen.mark(model)
        entry: Any = {"args": {}, "attributes": {"beginning": self.guest.beginning.to_json()}}
        states: Any = {**_states(state), _STATE: entry}  # which it is by now, whatever its annotation says
        state.stateful_callbacks = states

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        logs: dict[str, Any] | None = None,
        **others: object,
    ) -> None:
        """See whether training has come to its end: only then the Trainer logs how long it took.

        Args:
            args: The Trainer's.
            state: The Trainer's.
            control: The Trainer's.
            logs: What is logged.
            **others: The Trainer's.
        """
        self._is_over = "train_runtime" in (logs or {})

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        *,
        model: torch.nn.Module | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        **others: object,
    ) -> None:
        """Publish, unless the trial was pruned: the Trainer calls this then, too.

        Args:
            args: The Trainer's.
            state: The Trainer's.
            control: The Trainer's.
            model: What was trained.
            optimizer: What has trained it.
            **others: The Trainer's.
        """
        if model is None or not self._is_over or self.guest is None or not state.is_world_process_zero:
            return
        # The state of the optimizer is that of the last step, not of the best.
        is_best = args.load_best_model_at_end and state.best_model_checkpoint is not None
        self.published = self.guest.save(
            model,
            score=self._score(args, state),
            steps=state.global_step,
            example_inputs=self._example_inputs,
            optimizer=None if is_best else getattr(optimizer, "optimizer", optimizer),
        )

    # --------------------------------------------------------------------------------------------------------

    def _guest_of(self, parameters: object, *, is_search: bool) -> GuestTrial:
        self._num_trials += is_search
        trial = f"{self._trial}-{self._num_trials}" if is_search else self._trial
        given = as_json(parameters)
        return GuestTrial(
            self._store,
            Identity("transformers", self._experiment, trial, given if isinstance(given, dict) else {}),
            parent=self._parent,
            policy=self._policy,
            min_coverage=self._min_coverage,
        )

    def _score(self, args: TrainingArguments, state: TrainerState) -> float | None:
        if self._metric is None:
            return None
        best_by = args.metric_for_best_model or ""
        if args.load_best_model_at_end and self._metric in {best_by, f"eval_{best_by}"}:
            return state.best_metric
        values = [entry[self._metric] for entry in state.log_history if self._metric in entry]
        return float(values[-1]) if values else None


def _states(state: TrainerState) -> dict[str, Any]:
    kept: Any = state.stateful_callbacks  # a mapping by now, whatever its annotation says
    return kept if isinstance(kept, dict) else {}


def _kept_beginning(state: TrainerState) -> Beginning | None:
    """How the trial began, from the checkpoint that it resumes from."""
    entry = _states(state).get(_STATE)
    return None if entry is None else Beginning.from_json(entry["attributes"]["beginning"])
