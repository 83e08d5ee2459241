"""Syne Tune: trials that are programs inherit from one another, also in populations of several architectures.

Syne Tune gives each trial a folder for its checkpoints. It copies it to who goes on from a winner, and gives
it back to who was paused. Ours holds a note of a few hundred bytes; weights go through the store alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from syne_tune import Reporter
from syne_tune.constants import ST_CHECKPOINT_DIR

from heredity.errors import InputError
from heredity.inheritance import Policy
from heredity.integrations.guests.guest import GuestTrial, Parent
from heredity.integrations.guests.identity import Identity
from heredity.integrations.guests.note import NOTE, Note, begin_by
from heredity.store import Store

if TYPE_CHECKING:
    import torch

    from heredity.inheritance import ExampleInputs

COLUMN = "heredity/"
"""How the names of our columns begin in Syne Tune's table of results."""


class SyneTrial:
    """A trial of Syne Tune's, in the program that trains it."""

    def __init__(self, guest: GuestTrial, folder: Path) -> None:
        """Made by `trial_of`.

        Args:
            guest: Its side of the store.
            folder: Where Syne Tune wants its checkpoints.
        """
        self.guest = guest
        self._folder = folder
        self._report = Reporter()

    def begin(
        self,
        module: torch.nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
    ) -> int:
        """Resume if the folder holds the trial's own note; inherit if it is a copy of another trial's.

        Without any note, inherit from `parent`.

        Args:
            module: The trial's network, of any architecture.
            optimizer: Gets its own state back, or what its parent's becomes in it.
            example_inputs: Inputs as the network gets them.

        Returns:
            Where the count of steps stands: that of the trial whose weights go on, 0 at the very beginning.

        Raises:
            TransferRefused: As for `GuestTrial.inherit`.
            CheckpointNotFound: What the note names is not in the store.
            CorruptData: The note cannot be read.
        """
        note = Note.read(self._folder) if (self._folder / NOTE).exists() else None
        return begin_by(note, self.guest, module, optimizer=optimizer, example_inputs=example_inputs)

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
        """Save the weights into the store, note where they are, and report to Syne Tune.

        Args:
            metrics: What Syne Tune gets, besides the columns that begin with ``heredity/``.
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
        self._folder.mkdir(parents=True, exist_ok=True)
        # Others may copy the folder, and Syne Tune may kill this process, at any moment.
        note = Note(saved.key, self.guest.identity.trial, step, self.guest.beginning)
        note.write(self._folder, aside=self._folder.parent)
        columns = {COLUMN + name: value for name, value in self.guest.facts.items() if value is not None}
        self._report(**metrics, **columns)


def trial_of(
    arguments: Mapping[str, object],
    *,
    store: Store,
    parent: Parent = None,
    policy: Policy = "best_effort",
    min_coverage: float = 0.0,
) -> SyneTrial:
    """The trial that this program is.

    Args:
        arguments: The program's, as in ``vars(parser.parse_args())``, with ``st_checkpoint_dir``.
        store: Where weights come from and go to; all machines must see it, so it may not lie in memory.
        parent: Whom a trial inherits from whose folder is empty. Populations need none.
        policy: As for `heredity.inherit`.
        min_coverage: As for `GuestTrial`.

    Raises:
        InputError: Syne Tune has given no folder.
    """
    given = arguments.get(ST_CHECKPOINT_DIR)
    if not given:
        raise InputError(
            f"syne_tune.trial_of: expected {ST_CHECKPOINT_DIR} among the arguments, got {sorted(arguments)}.",
            hint="Syne Tune passes it to its trials: parser.add_argument('--st_checkpoint_dir').",
        )
    folder = Path(str(given)).absolute()
    # <root>/<experiment>/<trial>/checkpoints: Syne Tune says the trial's number nowhere else.
    trial, experiment = folder.parent.name, folder.parent.parent.name
    parameters = {name: value for name, value in arguments.items() if not name.startswith("st_")}
    identity = Identity("syne-tune", experiment, trial, parameters)
    return SyneTrial(
        GuestTrial(store, identity, parent=parent, policy=policy, min_coverage=min_coverage), folder
    )
