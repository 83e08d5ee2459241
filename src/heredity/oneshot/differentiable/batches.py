"""Batches by number: step n of a search gets the same rows whether it was interrupted or not."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from heredity.errors import InputError


class ShuffledBatches:
    """Tensors in batches, shuffled anew in each epoch; a batch is asked for by its step.

    There is no iterator whose place would have to be saved, and none that is begun anew at each step.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, *, batch_size: int, seed: int) -> None:
        """Say what is shuffled.

        Args:
            inputs: One row for each example.
            targets: One for each input.
            batch_size: Rows in a batch; what is left of an epoch is not used in it.
            seed: Of the orders.

        Raises:
            InputError: There are fewer rows than a batch has, or not a target for each input.
        """
        if len(inputs) != len(targets):
            raise InputError(
                f"batches: expected a target for each of {len(inputs)} inputs, got {len(targets)}."
            )
        if not 1 <= batch_size <= len(inputs):
            raise InputError(
                f"batch_size: expected 1 to {len(inputs)}, the number of rows, got {batch_size}."
            )
        self._inputs, self._targets = inputs, targets
        self._batch_size, self._seed = batch_size, seed
        self._order: tuple[int, Tensor] | None = None

    @property
    def steps_per_epoch(self) -> int:
        """How many whole batches there are."""
        return len(self._inputs) // self._batch_size

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a step, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        rows = self._rows(epoch)[place * self._batch_size :][: self._batch_size]
        return self._inputs[rows], self._targets[rows]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """All rows once, in their own order, the rest of them too: to measure."""
        inputs, targets = (torch.split(each, self._batch_size) for each in (self._inputs, self._targets))
        return zip(inputs, targets, strict=True)

    def _rows(self, epoch: int) -> Tensor:
        if self._order is None or self._order[0] != epoch:
            # Neighbouring seeds of neighbouring epochs would meet: a pair is one number.
            generator = torch.Generator().manual_seed((self._seed << 32) + epoch & 0x7FFF_FFFF_FFFF_FFFF)
            self._order = epoch, torch.randperm(len(self._inputs), generator=generator)
        return self._order[1]
