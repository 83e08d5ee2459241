"""The gradients of one step: those of each selected architecture, added."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from heredity.oneshot.elastic.parts import Parts, separate_parts
from heredity.oneshot.selection import Selection, selecting

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of an output and what it should be, a number."""


def soft_cross_entropy(output: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """The cross entropy against another network's probabilities (Hinton et al. 2015, arXiv:1503.02531)."""
    return torch.nn.functional.cross_entropy(output, teacher.softmax(dim=1))


def step(  # noqa: PLR0913  # what a step consists of
    supernet: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: tuple[torch.Tensor, torch.Tensor],
    selections: Sequence[Selection],
    *,
    loss: Loss,
    distill: Loss | None = None,
    parts: Parts | None = None,
) -> float:
    """Train one step on a batch.

    A single architecture costs what it costs alone: the optimizer walks only what ran. Of several the
    gradients are added before the step.

    Args:
        supernet: What is trained, in train mode.
        optimizer: Its optimizer.
        batch: Inputs and targets.
        selections: What runs.
        loss: Of an output and targets.
        distill: For all but the first architecture, in place of `loss`: of an output and the first one's
            (in-place distillation, Yu and Huang 2019, arXiv:1903.05134).
        parts: Those of the step before.

    Returns:
        The first architecture's loss.
    """
    optimizer.zero_grad(set_to_none=True)
    if len(selections) > 1:
        first = backward(supernet, batch, selections, loss=loss, distill=distill, parts=parts)
        optimizer.step()
        return first
    with separate_parts(parts) as opened, selecting(selections[0]):
        value = loss(supernet(batch[0]), batch[1])
        value.backward()  # type: ignore[no-untyped-call]  # torch's own
    opened.step(optimizer)
    return value.item()


def backward(
    supernet: torch.nn.Module,
    batch: tuple[torch.Tensor, torch.Tensor],
    selections: Sequence[Selection],
    *,
    loss: Loss,
    distill: Loss | None = None,
    parts: Parts | None = None,
) -> float:
    """Add the gradients of several architectures to the supernet's; the arguments are those of `step`.

    Returns:
        The first architecture's loss.
    """
    inputs, targets = batch
    values = []
    teacher: torch.Tensor | None = None
    for selection in selections:
        with separate_parts(parts) as opened, selecting(selection):
            output = supernet(inputs)
            value = loss(output, targets) if distill is None or teacher is None else distill(output, teacher)
            value.backward()  # type: ignore[no-untyped-call]  # torch's own
        opened.accumulate()
        teacher = output.detach() if teacher is None else teacher
        values.append(value.detach())
    return values[0].item()
