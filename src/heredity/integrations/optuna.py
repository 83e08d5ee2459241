"""Optuna: an objective whose trials inherit from one another. A trial that Optuna prunes leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import optuna

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.inheritance import Policy
from heredity.integrations.guests.guest import GuestTrial, Parent, ordered
from heredity.integrations.guests.identity import Identity
from heredity.store import Checkpoint, Store

Values = float | Sequence[float]
"""What an objective returns."""

_WITHOUT_VALUE = ("checkpoint", "cumulative_steps")


def objective(
    function: Callable[[optuna.Trial, GuestTrial], Values],
    *,
    store: Store,
    parent: Parent,
    policy: Policy = "best_effort",
    min_coverage: float = 0.0,
) -> Callable[[optuna.Trial], Values]:
    """Make an objective of a function that also gets the trial's side of the store.

    The trial's user attributes show its parent, what came over, and its checkpoint. If the function raises
    `optuna.TrialPruned`, what it has saved is dropped. A trial that Optuna's heartbeat starts again goes on
    from what the lost one has saved, if the function calls `GuestTrial.begin`.

    Args:
        function: Gets Optuna's trial and a `GuestTrial`, and returns what an objective returns.
        store: Where weights come from and go to; all processes of the study must see it.
        parent: Whom each trial inherits from. For the store itself, the study's direction says which scores
            are good.
        policy: As for `heredity.inherit`.
        min_coverage: As for `GuestTrial`.

    Returns:
        What `study.optimize` takes.
    """

    def run(trial: optuna.Trial) -> Values:
        guest = guest_of(trial, store=store, parent=parent, policy=policy, min_coverage=min_coverage)
        try:
            return function(trial, guest)
        except optuna.TrialPruned:
            guest.withdraw("pruned by Optuna")
            raise

    return run


def guest_of(
    trial: optuna.Trial,
    *,
    store: Store,
    parent: Parent,
    policy: Policy = "best_effort",
    min_coverage: float = 0.0,
) -> GuestTrial:
    """The trial's side of the store, for studies that are asked and told; else use `objective`.

    Its identity has the hyperparameters that were suggested so far.

    Args:
        trial: Optuna's.
        store: As for `objective`.
        parent: As for `objective`.
        policy: As for `objective`.
        min_coverage: As for `objective`.

    Raises:
        InputError: The parent is a store, and the study has several objectives.
    """
    parameters = _Suggested(trial)
    identity = Identity(
        "optuna", trial.study.study_name, str(trial.number), parameters, start=str(trial.datetime_start)
    )

    def show(facts: Mapping[str, Json]) -> None:
        for name, value in facts.items():
            if value is not None or name not in _WITHOUT_VALUE:
                trial.set_user_attr(name, value)

    return GuestTrial(
        store,
        identity,
        parent=_ordered(parent, trial.study),
        policy=policy,
        min_coverage=min_coverage,
        own=_left_by_lost_ones(trial, identity, store),
        on_change=show,
    )


class _Suggested(Mapping[str, object]):
    """A trial's hyperparameters, which are not known before they are suggested."""

    def __init__(self, trial: optuna.Trial) -> None:
        self._trial = trial

    def __getitem__(self, name: str) -> object:
        return self._trial.params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._trial.params)

    def __len__(self) -> int:
        return len(self._trial.params)


def _ordered(parent: Parent, study: optuna.Study) -> Parent:
    """A store as the parent, with the study's own idea of which scores are good."""
    if not isinstance(parent, Store):
        return parent
    if len(study.directions) > 1:
        raise InputError(
            f"study {study.study_name}: it has {len(study.directions)} objectives, so the best checkpoint of "
            "a store is not defined.",
            hint="Pass parent=heredity.Candidates(store, order='highest'), for the score that you save.",
        )
    is_less_better = study.direction == optuna.study.StudyDirection.MINIMIZE
    return ordered(parent, "lowest" if is_less_better else "highest")


def _left_by_lost_ones(trial: optuna.Trial, identity: Identity, store: Store) -> Checkpoint | None:
    """The last checkpoint of the trials, lost by their machines, of which this one is the repetition."""
    trials = trial.study.get_trials(deepcopy=False)
    frozen = next(each for each in trials if each.number == trial.number)
    # As `RetryHeartbeatStaleTrialCallback.retry_history` gives it, which warns that it is experimental.
    for number in reversed(frozen.system_attrs.get("retry_history", [])):
        lost = next(each for each in trials if each.number == number)
        identity = replace(identity, trial=str(number), start=str(lost.datetime_start))
        own = [each for each in store.checkpoints(identity.prefix) if identity.is_of(each)]
        if own:
            return own[-1]
    return None
