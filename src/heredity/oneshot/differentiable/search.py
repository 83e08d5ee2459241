"""`DifferentiableSearch`: trains a supernet's weights and its architecture, in turn (DARTS and its kin)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from heredity.errors import ConfigError
from heredity.oneshot.choosing import Kind
from heredity.oneshot.differentiable import bilevel, state
from heredity.oneshot.differentiable.deriving import cells_of, decision_order, derived, most_missed
from heredity.oneshot.differentiable.deriving.cells import input_labels
from heredity.oneshot.differentiable.deriving.perturbation import Score
from heredity.oneshot.differentiable.relaxing import ArchitectureParameters
from heredity.oneshot.differentiable.remedies.curvature import dominant_eigenvalue
from heredity.oneshot.differentiable.remedies.edges import auxiliary_skips
from heredity.oneshot.differentiable.settings import SearchSettings
from heredity.oneshot.selection import Selected, Selection, Weighted, selecting
from heredity.oneshot.walking import Architecture, choices

Batch = tuple[Tensor, Tensor]
"""Inputs and targets."""

Criterion = Callable[[Tensor, Tensor], Tensor]
"""The loss of outputs and targets, a mean over the batch."""


@dataclass(frozen=True, slots=True)
class StepLosses:
    """What the losses of one step were; none of the validation in the warm-up and when all is decided."""

    train: float
    validation: float | None


class DifferentiableSearch:
    """One search: `step` after `step`, with two batches each.

    A step first moves the architecture parameters by the loss of a validation batch, then the weights by the
    loss of a training batch (Liu et al. 2019, algorithm 1). What the passes for the architecture do to
    running statistics is undone: they belong to the weights and are trained with them.

    Attributes:
        state: All that the search is; save it to go on later, and load it to go on, bit for bit.
        settings: How it goes.
    """

    def __init__(
        self, supernet: nn.Module, *, settings: SearchSettings, criterion: Criterion, seed: int
    ) -> None:
        """Begin a search.

        Args:
            supernet: A network with choices, on the device where it is to be trained; trained in place.
            settings: How long, and how.
            criterion: The loss.
            seed: Of the first architecture, of what is drawn, and of all randomness within steps.

        Raises:
            InputError: A choice cannot be mixed, or there is none.
            ConfigError: The settings do not fit the supernet.

        Warns:
            UserWarning: The second order is taken with the published difference, which is far off.
        """
        generator = torch.Generator().manual_seed(seed)
        points, chosen = choices(supernet), settings.architecture
        added = frozenset() if chosen.weigh_inputs else input_labels(cells_of(supernet)) & points.keys()
        parameters = ArchitectureParameters(
            points, generator=generator, deviation=chosen.deviation, added=added
        )
        depths = [label for label, point in parameters.points.items() if point.kind is not Kind.MODULE]
        if settings.gumbel is not None and depths:
            raise ConfigError(
                f"{depths[0]}: with gumbel only modules can be chosen, one that runs of each choice.",
                hint="Mix instead: leave gumbel away.",
            )
        if chosen.order == "second" and chosen.difference_scale == bilevel.PUBLISHED_SCALE:
            warnings.warn(
                f"difference_scale = {chosen.difference_scale}: the published difference was measured 12 to "
                "29 % off the exact gradient. order='exact' is not; in float32 a scale of 0.1 was nearer, "
                "and smaller ones drown in rounding.",
                stacklevel=2,
            )
        self.settings = settings
        self._seed = seed
        example = next(supernet.parameters())
        parameters.to(device=example.device, dtype=example.dtype)
        self.state = state.SearchState(supernet, parameters, settings=settings, seed=seed).to(example.device)
        self._criterion = criterion
        self._optimizer = state.sgd(self.state, settings=settings)
        self._architecture_optimizer = state.adam(self.state, settings=settings)
        self._weights = {name: weight for name, weight in supernet.named_parameters() if weight.requires_grad}

    # --- where it stands -----------------------------------------------------------------------------------

    @property
    def supernet(self) -> nn.Module:
        """The network with its choices."""
        return self.state.supernet

    @property
    def num_steps(self) -> int:
        """How many steps lie behind."""
        return int(self.state.step)

    @property
    def epoch(self) -> int:
        """In which epoch the next step is, counted from 0."""
        return min(self.num_steps // self.settings.steps_per_epoch, self.settings.num_epochs - 1)

    def weights(self) -> dict[str, Tensor]:
        """By label, the weight of each candidate now."""
        return {label: weight.detach() for label, weight in self.state.architecture.soft_weights().items()}

    def weights_after(self, epoch: int) -> dict[str, Tensor]:
        """The weights as they were when an epoch, counted from 0, was over."""
        return self.state.architecture.weights_of(self.state.history[epoch])

    def entropy(self) -> float:
        """How undecided the architecture is, from 1 (all equal) to 0."""
        return self.state.architecture.entropy()

    def architecture(
        self, weights: Mapping[str, Tensor] | None = None, *, max_skips: int | None = None
    ) -> Architecture:
        """Derive the architecture that the weights stand for; see `derived`.

        Args:
            weights: By default those of now.
            max_skips: How many skips a cell may keep; None as published.
        """
        chosen = dict(self.weights() if weights is None else weights)
        for label, position in self.state.decisions().items():
            point = choices(self.supernet)[label]
            chosen[label] = _one_hot(point.candidates, point.num_weights, position, kind=point.kind)
        return derived(self.supernet, chosen, max_skips=max_skips)

    def mixture(self) -> dict[str, Selected]:
        """The selection of all candidates by their weights; of what was decided, that alone."""
        return {**self.state.architecture.mixture(), **self.state.decisions()}

    # --- what it does --------------------------------------------------------------------------------------

    def step(self, train: Batch, validation: Batch) -> StepLosses:
        """Make one step: the architecture by one batch, then the weights by the other."""
        epoch = self.epoch
        with self.state.own_randomness(), auxiliary_skips(self.settings.beta_in(epoch)):
            self.supernet.train()
            loss = None
            if epoch >= self.settings.architecture.warm_up_epochs and self._is_open():
                loss = self._move_architecture(train, validation, epoch)
            train_loss = self._move_weights(train, epoch)
            self.state.step += 1
        if self.num_steps % self.settings.steps_per_epoch == 0:
            done = self.num_steps // self.settings.steps_per_epoch - 1
            if done < self.settings.num_epochs:  # further steps are of a fine-tuning
                self.state.history[done] = self.state.architecture.flat()
        return StepLosses(train_loss, loss)

    def architecture_gradients(self, train: Batch, validation: Batch) -> tuple[Tensor, ...]:
        """What the architecture parameters are moved by, a gradient each; changes nothing."""
        with self.state.lent_randomness(), auxiliary_skips(self.settings.beta_in(self.epoch)):
            self.supernet.train()
            return self._gradients(train, validation, self.epoch)[1]

    def dominant_eigenvalue(self, validation: Batch, *, seed: int = 0) -> float:
        """The largest curvature of the validation loss by the architecture, for `CurvatureRule`."""
        with self.state.lent_randomness(), auxiliary_skips(self.settings.beta_in(self.epoch)):
            self.supernet.train()
            loss = self._loss(validation, self.mixture(), weights=None)
            generator = torch.Generator().manual_seed(seed)
            return dominant_eigenvalue(loss, list(self.state.architecture.vectors), generator=generator)

    @torch.no_grad()
    def accuracy(self, batches: Iterable[Batch], selection: Selection | None = None) -> float:
        """The share of right answers of the supernet, in eval mode; for classifiers.

        Args:
            batches: Validation data.
            selection: What runs; by default the mixture of now.
        """
        self.supernet.eval()
        chosen = self.mixture() if selection is None else selection
        right = total = 0
        with selecting(chosen), auxiliary_skips(self.settings.beta_in(self.epoch)):
            for inputs, targets in batches:
                right += int((self.supernet(inputs).argmax(dim=1) == targets).sum())
                total += len(targets)
        return right / total

    def decide_next(self, score: Score) -> str | None:
        """Decide one more choice for good, by what is most missed (DARTS-PT); see `most_missed`.

        Further steps train what is left, with the learning rate of the last epoch. Published are 10 epochs
        before each further decision, from a tenth of the first rate down.

        Args:
            score: Scores the supernet under a selection, as `accuracy` does; more is better.

        Returns:
            The label of what was decided; None if all is.
        """
        points, decided = choices(self.supernet), self.state.decisions()
        order = decision_order(points, generator=torch.Generator().manual_seed(self._seed))
        label = next((label for label in order if label not in decided), None)
        if label is None:
            return None
        with torch.no_grad():
            self.state.decide(label, most_missed(points[label], selection=self.mixture(), score=score))
        return label

    # --- how -----------------------------------------------------------------------------------------------

    def _is_open(self) -> bool:
        return len(self.state.decisions()) < len(self.state.decided)

    def _selection(self, epoch: int) -> dict[str, Selected]:
        if self.settings.gumbel is None:
            return self.mixture()
        drawn = self.state.architecture.drawn(self.settings.temperature_in(epoch))
        return {**drawn, **self.state.decisions()}

    def _move_architecture(self, train: Batch, validation: Batch, epoch: int) -> float:
        loss, gradients = self._gradients(train, validation, epoch)
        vectors = self.state.architecture.vectors
        for vector, gradient in zip(vectors, gradients, strict=True):
            vector.grad = gradient
        self._architecture_optimizer.step()
        self._architecture_optimizer.zero_grad()
        return loss

    def _gradients(self, train: Batch, validation: Batch, epoch: int) -> tuple[float, tuple[Tensor, ...]]:
        seen: list[float] = []

        def validation_loss(weights: Sequence[Tensor] | None) -> Tensor:
            loss = self._loss(validation, self._selection(epoch), weights=weights)
            seen.append(float(loss.detach()))
            return loss

        def train_loss(weights: Sequence[Tensor] | None) -> Tensor:
            return self._loss(train, self._selection(epoch), weights=weights)

        chosen = self.settings.architecture
        problem = bilevel.Bilevel(
            train=train_loss,
            validation=validation_loss,
            weights=tuple(self._weights.values()),
            architecture=tuple(self.state.architecture.vectors),
        )
        if chosen.order == "first":
            gradients = bilevel.first_order(problem)
        elif chosen.order == "second":
            gradients = bilevel.finite_difference(
                problem, self._next_step(epoch), scale=chosen.difference_scale
            )
        else:
            gradients = bilevel.exact(problem, self._next_step(epoch))
        return seen[0], gradients

    def _next_step(self, epoch: int) -> bilevel.WeightStep:
        chosen = self.settings.weights
        slots = [self._optimizer.state[weight].get("momentum_buffer") for weight in self._weights.values()]
        return bilevel.WeightStep(
            rate=self.settings.rate_in(epoch),
            momentum=chosen.momentum,
            weight_decay=chosen.weight_decay,
            buffers=tuple(slots) if chosen.momentum else None,
        )

    def _loss(self, batch: Batch, selection: Selection, *, weights: Sequence[Tensor] | None) -> Tensor:
        """The loss of a batch with other weights; running statistics and other buffers stay as they are."""
        inputs, targets = batch
        replaced: dict[str, Any] = state.copied(
            dict(self.supernet.named_buffers())
        )  # Any: of functional_call
        if weights is not None:
            replaced |= dict(zip(self._weights, weights, strict=True))
        with selecting(selection):
            return self._criterion(functional_call(self.supernet, replaced, (inputs,)), targets)

    def _move_weights(self, train: Batch, epoch: int) -> float:
        inputs, targets = train
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate_in(epoch)
        with torch.no_grad():  # the architecture is not moved by the training loss
            selection = {label: _ungraded(each) for label, each in self._selection(epoch).items()}
        with selecting(selection):
            loss = self._criterion(self.supernet(inputs), targets)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        nn.utils.clip_grad_norm_(self._weights.values(), self.settings.weights.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(loss.detach())


def _ungraded(selected: Selected) -> Selected:
    """Without a weight of 1 that is there for its gradient."""
    return selected.position if isinstance(selected, Weighted) else selected


def _one_hot(candidates: Sequence[Any], num_weights: int, position: int, *, kind: Kind) -> Tensor:
    """Weights that leave no doubt; of inputs, one for each that was chosen."""
    weights = torch.zeros(num_weights)
    weights[list(candidates[position]) if kind is Kind.INPUTS else position] = 1
    return weights
