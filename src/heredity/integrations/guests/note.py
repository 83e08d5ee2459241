"""Note: what a tool's own checkpoint says where weights go through the store: whose they are, and how far."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.errors import CorruptData, InputError, TransferRefused
from heredity.integrations.guests.beginning import Beginning

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from heredity.inheritance import ExampleInputs
    from heredity.integrations.guests.guest import GuestTrial

NOTE = "heredity.json"
"""The one file of a tool's checkpoint."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Note:
    """What a tool carries from trial to trial instead of weights: where they are, whose, and how far trained.

    Attributes:
        key: The checkpoint in the store.
        trial: The tool's id of the trial that saved it.
        step: Where that trial's count of steps stood.
        beginning: How that trial began.
    """

    key: str
    trial: str
    step: int
    beginning: Beginning

    def write(self, folder: Path, *, aside: Path | None = None) -> None:
        """Into a folder that is a checkpoint of the tool's, or becomes one.

        Args:
            folder: That one; it is there.
            aside: Where the note is written first if the tool may copy the folder at any moment: another
                folder of the same file system. By default the note is written in its place.
        """
        about = {
            "format": _FORMAT,
            "key": self.key,
            "trial": self.trial,
            "step": self.step,
            "beginning": self.beginning.to_json(),
        }
        written = (aside or folder) / NOTE
        written.write_text(json.dumps(about), "utf-8")
        if aside is not None:
            os.replace(written, folder / NOTE)  # noqa: PTH105  # says that it replaces

    @classmethod
    def read(cls, folder: Path) -> Note:
        """Out of a folder that the tool has kept, or copied from another trial.

        Raises:
            InputError: It holds no note.
            CorruptData: The note cannot be read.
        """
        file = folder / NOTE
        if not file.exists():
            raise InputError(
                f"{folder} is a checkpoint without {NOTE}.",
                hint="Report with the adapter's `report`, which writes it.",
            )
        try:
            about = json.loads(file.read_text("utf-8"))
            key, trial, step = str(about["key"]), str(about["trial"]), int(about["step"])
            beginning, version = about["beginning"], about["format"]
        except (ValueError, TypeError, KeyError) as error:
            raise CorruptData(f"{file}: it cannot be read ({error!r}).") from error
        if version != _FORMAT:
            raise CorruptData(f"{file}: expected the format {_FORMAT}, got {version!r:.80}.")
        return cls(key, trial, step, Beginning.from_json(beginning))


def begin_by(
    note: Note | None,
    guest: GuestTrial,
    module: torch.nn.Module,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    example_inputs: ExampleInputs | None = None,
) -> int:
    """Resume where the note is the trial's own; inherit where it is another trial's, or there is none.

    Args:
        note: What the tool has given to the trial; None at its first start.
        guest: The trial's side of the store.
        module: The trial's network, of any architecture.
        optimizer: Gets its own state back, or what its parent's becomes in it.
        example_inputs: Inputs as the network gets them.

    Returns:
        Where the count of steps stands: that of the trial whose weights go on, 0 at the very beginning.

    Raises:
        TransferRefused: As for `GuestTrial.inherit`.
        CheckpointNotFound: What the note names is not in the store.
    """
    if note is None:
        guest.inherit(module, optimizer=optimizer, example_inputs=example_inputs)
        return 0
    checkpoint = guest.store[note.key]
    if note.trial == guest.identity.trial:
        try:
            guest.resume(module, checkpoint, optimizer=optimizer, beginning=note.beginning)
        except TransferRefused:
            pass  # the tool has changed its architecture: its own weights go on in the new one
        else:
            return note.step
    guest.inherit_from(
        module, checkpoint, optimizer=optimizer, example_inputs=example_inputs, first_step=note.step
    )
    return note.step
