"""How good an architecture is with the supernet's weights: statistics taken anew, nothing copied."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch

from heredity.oneshot.freezing import freeze_with_origins
from heredity.oneshot.walking import Architecture
from heredity.transfer.shrinking.recalibration import recalibrate

Metric = Callable[[torch.nn.Module], float]
"""Of a plain network in eval mode, a number."""


def recalibrated(
    supernet: torch.nn.Module, architecture: Architecture, batches: Iterable[torch.Tensor]
) -> torch.nn.Module:
    """Give an architecture's network on the supernet's own memory, with statistics of its own.

    A supernet's batch normalizations have seen all architectures at once; without new statistics their
    judgement says little (Guo et al. 2020, SPOS; Cai et al. 2020, OFA).

    Args:
        supernet: Not changed. Its parameters are the network's: train a copy, not this.
        architecture: A legal point of `space_of`.
        batches: Inputs without labels, a few batches as large as those of training.

    Returns:
        A plain network in eval mode.

    Raises:
        InputError: The architecture is none of the supernet's, or there is no batch.
    """
    module = freeze_with_origins(supernet, architecture, is_sharing=True).module
    recalibrate(module, batches)
    return module.eval()


def score_of(
    supernet: torch.nn.Module,
    architecture: Architecture,
    *,
    batches: Iterable[torch.Tensor],
    metric: Metric,
) -> float:
    """Measure an architecture with the supernet's weights; see `recalibrated`.

    Args:
        supernet: As there.
        architecture: As there.
        batches: As there.
        metric: What is measured, without gradients.
    """
    module = recalibrated(supernet, architecture, batches)
    with torch.no_grad():
        return metric(module)
