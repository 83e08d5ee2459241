"""Architecture parameters: one vector for each choice, and the weights that they give to its candidates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from heredity.errors import InputError
from heredity.oneshot.choosing import ChoicePoint, Kind
from heredity.oneshot.selection import Selected, Weighted

Weights = Mapping[str, Tensor]
"""By label, the weight of each candidate."""

MIXABLE = frozenset({Kind.MODULE, Kind.INPUTS, Kind.DEPTH})


class ArchitectureParameters(nn.Module):
    """The architecture as numbers that can be trained.

    Attributes:
        points: The choices that have parameters, by label.
        added: The choices of inputs that have none, since all their inputs are simply added.
    """

    def __init__(
        self,
        points: Mapping[str, ChoicePoint],
        *,
        generator: torch.Generator,
        deviation: float = 1e-3,
        added: frozenset[str] = frozenset(),
    ) -> None:
        """Begin near equal weights.

        Args:
            points: All choices of the supernet.
            generator: Draws the first values.
            deviation: Of their normal distribution.
            added: Choices of inputs that get no parameters.

        Raises:
            InputError: There is nothing to train, or a choice cannot be a mixture.
        """
        super().__init__()
        for point in points.values():
            if point.kind not in MIXABLE:
                raise InputError(
                    f"{point.label}: a choice of {point.kind} cannot be mixed.",
                    hint="Sample it instead, or fix it before a differentiable search.",
                )
        self.points = {label: point for label, point in points.items() if label not in added}
        self.added = {label: points[label].num_weights for label in added}
        if not self.points:
            raise InputError("the supernet leaves nothing to be chosen by weights.")
        self.vectors = nn.ParameterList(
            deviation * torch.randn(point.num_weights, generator=generator) for point in self.points.values()
        )

    def items(self) -> Iterator[tuple[str, Tensor]]:
        """Labels and their vectors."""
        return zip(self.points, self.vectors, strict=True)

    def soft_weights(self) -> dict[str, Tensor]:
        """The softmax of each vector, differentiable."""
        return {label: vector.softmax(dim=0) for label, vector in self.items()}

    def mixture(self) -> dict[str, Selected]:
        """A selection that mixes all candidates (Liu et al. 2019, equation 2)."""
        return {**self.soft_weights(), **self._ones()}

    def drawn(self, temperature: float) -> dict[str, Selected]:
        """A selection of one candidate each, drawn by its weight with torch's generator.

        Dong and Yang 2019, "Searching for a Robust Neural Architecture in Four GPU Hours", equations 4 to 6.
        The weight of the one that was drawn is 1, and its derivative that of the soft weight. The published
        code adds the zero weights of the others too, which gives them a gradient that no operator has
        anything to do with; here, as in the paper, only what ran says something.
        """
        return {**self._ones(), **{label: _draw(vector, temperature) for label, vector in self.items()}}

    def entropy(self) -> float:
        """How undecided the architecture is: 1 where all weights are equal, 0 where each choice is made."""
        shares = []
        for label, vector in self.items():
            logs = vector.detach().log_softmax(dim=0)
            most = math.log(self.points[label].num_weights)
            shares.append(float(-(logs.exp() * logs).sum()) / most if most else 0.0)
        return sum(shares) / len(shares)

    def flat(self) -> Tensor:
        """A copy of all vectors, one after the other."""
        return torch.cat([vector.detach() for vector in self.vectors])

    def weights_of(self, flat: Tensor) -> dict[str, Tensor]:
        """The soft weights that `flat` stands for, such as an earlier one's."""
        parts = torch.split(flat, [point.num_weights for point in self.points.values()])
        return {label: part.softmax(dim=0) for label, part in zip(self.points, parts, strict=True)}

    def _ones(self) -> dict[str, Tensor]:
        like = next(iter(self.vectors))
        return {
            label: torch.ones(num, dtype=like.dtype, device=like.device) for label, num in self.added.items()
        }


def _draw(vector: Tensor, temperature: float) -> Selected:
    if len(vector) == 1:
        return 0
    tiny = torch.finfo(vector.dtype).tiny
    # On the host, so that one seed gives one sequence on every device.
    exponential = torch.empty(vector.shape, dtype=vector.dtype).exponential_().clamp_min(tiny)
    noisy = vector.log_softmax(dim=0) - exponential.log().to(vector.device)
    soft = (noisy / temperature).softmax(dim=0)
    position = int(noisy.argmax())
    chosen = soft[position]
    return Weighted(position, (chosen - chosen.detach()) + 1)
