"""Ray Tune: trials that inherit, also in populations whose members differ in their architecture.

Ray carries a note of a few hundred bytes from trial to trial; weights go through the store alone. So whatever
of Ray's gives a trial another trial's checkpoint, such as population-based training, gives it its weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ray import tune

from heredity.errors import InputError
from heredity.inheritance import Policy
from heredity.integrations.guests.guest import GuestTrial, Parent
from heredity.integrations.guests.identity import Identity
from heredity.integrations.guests.note import Note, begin_by
from heredity.store import Checkpoint, Store

if TYPE_CHECKING:
    import torch

    from heredity.inheritance import ExampleInputs

COLUMN = "heredity/"
"""How the names of our columns begin in Ray's table of results."""

Config = dict[str, Any]  # Any: hyperparameters are of the user's types


def note_in(checkpoint: tune.Checkpoint) -> Note:
    """What a checkpoint of Ray's says.

    Raises:
        InputError: It was not made by `TuneTrial.report`.
        CorruptData: It cannot be read.
    """
    with checkpoint.as_directory() as folder:
        return Note.read(Path(folder))


class TuneTrial:
    """A trial of Ray Tune's, in the process that trains it."""

    def __init__(self, guest: GuestTrial, note: Note | None) -> None:
        """Made by `trainable`.

        Args:
            guest: Its side of the store.
            note: What the checkpoint says that Ray has given to it.
        """
        self.guest = guest
        self._note = note

    def begin(
        self,
        module: torch.nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
    ) -> int:
        """Resume, if Ray gives back the trial's own checkpoint; inherit, if it gives another trial's.

        Without any checkpoint of Ray's, inherit from `parent`.

        Args:
            module: The trial's network, of any architecture.
            optimizer: Gets its own state back, or what its parent's becomes in it.
            example_inputs: Inputs as the network gets them.

        Returns:
            Where the count of steps stands: that of the trial whose weights go on, 0 at the very beginning.

        Raises:
            TransferRefused: As for `GuestTrial.inherit`.
            CheckpointNotFound: What Ray's checkpoint names is not in the store.
        """
        return begin_by(self._note, self.guest, module, optimizer=optimizer, example_inputs=example_inputs)

    def report(
        self,
        metrics: Mapping[str, object],
        *,
        module: torch.nn.Module,
        step: int,
        score: float,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
    ) -> None:
        """Save the weights into the store, and report to Ray with a checkpoint that names them.

        Args:
            metrics: What Ray gets, besides the columns that begin with ``heredity/``.
            module: The network.
            step: Where the count of steps stands.
            score: How good the weights are, for who inherits from the best of the store.
            optimizer: What trains it.
            example_inputs: Inputs as the network gets them, to record its graph.
        """
        saved = self.guest.save(
            module,
            score=score,
            steps=step,
            example_inputs=example_inputs,
            optimizer=optimizer,
            tag=f"step-{step}",
        )
        note = Note(saved.key, self.guest.identity.trial, step, self.guest.beginning)
        with tempfile.TemporaryDirectory() as folder:
            note.write(Path(folder))
            columns = {COLUMN + name: value for name, value in self.guest.facts.items() if value is not None}
            tune.report({**metrics, **columns}, checkpoint=tune.Checkpoint.from_directory(folder))


def trainable(
    function: Callable[[Config, TuneTrial], object],
    *,
    store: Store,
    parent: Parent = None,
    policy: Policy = "best_effort",
    min_coverage: float = 0.0,
) -> Callable[[Config], object]:
    """Make a trainable of a function that also gets the trial's side of the store.

    Args:
        function: Gets Ray's config and a `TuneTrial`.
        store: Where weights come from and go to; all machines must see it, so it may not lie in memory.
        parent: Whom a trial inherits from to which Ray gives no checkpoint. Populations need none.
        policy: As for `heredity.inherit`.
        min_coverage: As for `GuestTrial`.

    Returns:
        What `ray.tune.Tuner` takes.
    """

    def run(config: Config) -> object:
        context = tune.get_context()
        trial, experiment = context.get_trial_id(), context.get_experiment_name()
        if not trial:
            raise InputError("ray_tune.trainable: it runs inside of ray.tune.Tuner only.")
        identity = Identity("ray", experiment or "", trial, config)
        guest = GuestTrial(store, identity, parent=parent, policy=policy, min_coverage=min_coverage)
        given = tune.get_checkpoint()
        return function(config, TuneTrial(guest, None if given is None else note_in(given)))

    return run


def checkpoint_of(given: tune.Checkpoint, *, store: Store) -> Checkpoint:
    """The weights behind a checkpoint of Ray's, such as ``results.get_best_result().checkpoint``.

    Args:
        given: Ray's.
        store: Where the weights are.

    Raises:
        InputError: It was not made by `TuneTrial.report`.
        CheckpointNotFound: The store does not hold it.
    """
    return store[note_in(given).key]


class BestRef(tune.Callback):
    """Keeps a ref of the store on the best checkpoint of an experiment, from the driver.

    What the ref points to cannot be dropped by mistake, and other programs find it by its name.
    """

    def __init__(self, store: Store, ref: str, *, metric: str, mode: Literal["min", "max"]) -> None:
        """The ref is made with the first result.

        Args:
            store: Where the weights are.
            ref: Its name.
            metric: Which of the reported values decides.
            mode: Whether less of it is better, ``"min"``, or more, ``"max"``.

        Raises:
            InputError: There is no such mode.
        """
        if mode not in {"min", "max"}:
            raise InputError(f"BestRef: expected the mode 'min' or 'max', got {mode!r:.80}.")
        self._store, self._ref = store, ref
        self._metric, self._sign = metric, 1.0 if mode == "max" else -1.0
        self._best: float | None = None

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Any],  # Any: Ray's own, which are not public
        trial: Any,  # noqa: ANN401  # as above
        result: dict[str, Any],
        **info: object,
    ) -> None:
        """Move the ref if this is the best result yet.

        Args:
            iteration: Ray's.
            trials: Ray's.
            trial: Ray's.
            result: What was reported.
            **info: Ray's.
        """
        key, value = result.get(f"{COLUMN}checkpoint"), result.get(self._metric)
        if key is None or value is None:
            return
        merit = self._sign * float(value)
        if self._best is None or merit > self._best:
            self._best = merit
            self._store.refs.set(self._ref, key)

    def get_state(self) -> dict[str, Any]:
        """For Ray, to restore the experiment."""
        return {"best": self._best}

    def set_state(self, state: dict[str, Any]) -> None:
        """From Ray, when it restores the experiment.

        Args:
            state: What `get_state` gave.
        """
        self._best = state["best"]
