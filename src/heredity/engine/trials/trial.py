"""What a trial function is given: its hyperparameters, its parents' weights, and a way to report and save."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heredity.encoding import Json
from heredity.engine.trials.orders import TrialOrder
from heredity.engine.trials.reporting import Reporter
from heredity.engine.trials.resuming import STEPS, ResumePoint, resume_point
from heredity.engine.trials.taken_over import TakenOver
from heredity.errors import TransferRefused
from heredity.ids import CheckpointKey, TrialId, parse_checkpoint_key
from heredity.store import Checkpoint, Store, open_store

if TYPE_CHECKING:
    import torch

    from heredity.inheritance import ExampleInputs, Inheritance, Policy, Probe


class Trial:
    """One attempt at one trial, as the trial function sees it.

    Weights pass through the store alone. What a trial reports and saves is in the experiment's journal when
    the driver has received it; a save is in the store, whole and on disk, when it returns.
    """

    def __init__(self, order: TrialOrder, reporter: Reporter) -> None:
        self._order = order
        self._reporter = reporter
        self._has_resumed = False
        self._taken_over = TakenOver()

    @property
    def order(self) -> TrialOrder:
        """What the worker was told; for programs that run in the trial's name."""
        return self._order

    @property
    def reporter(self) -> Reporter:
        """What speaks for the attempt; for programs that run in the trial's name."""
        return self._reporter

    @property
    def id(self) -> TrialId:
        """The trial's name within its experiment."""
        return self._order.trial

    @property
    def attempt(self) -> int:
        """1 at the first start, 2 after the first loss, and so on."""
        return self._order.attempt

    @property
    def parameters(self) -> Mapping[str, Any]:  # Any: hyperparameters are of the user's types
        """The hyperparameters."""
        return self._order.parameters

    @property
    def seed(self) -> int:
        """The trial's own seed; Python's, numpy's and torch's generators were seeded with it."""
        return self._order.seed

    @property
    def directory(self) -> Path:
        """The experiment's directory, shared by all its trials: what they write there is theirs to order."""
        return Path(self._order.directory)

    @cached_property
    def store(self) -> Store:
        """The experiment's store."""
        return open_store(self._order.store_url)

    @property
    def parents(self) -> Mapping[TrialId, CheckpointKey | None]:
        """The parents' checkpoints by trial; empty for a founder."""
        return self._order.parents

    @property
    def parent(self) -> Checkpoint | None:
        """The first parent's checkpoint; None for a founder.

        Raises:
            TransferRefused: The parent completed without saving anything.
        """
        if not self._order.parents:
            return None
        trial, key = next(iter(self._order.parents.items()))
        if key is None:
            raise TransferRefused(
                f"Trial {self.id}: its parent {trial} completed without saving a checkpoint.",
                hint="Call `trial.save(...)` in the parent.",
            )
        return self.store[key]

    @property
    def max_steps(self) -> int | None:
        """How many steps the trial is to take, those that `begin` returns among them; None: it may choose."""
        return self._order.max_steps

    @property
    def info(self) -> Mapping[str, Any]:  # Any: the strategy's own values
        """What the strategy has to say of the trial."""
        return self._order.info

    @property
    def ancestor_steps(self) -> int:
        """Training steps that lie behind the parent's weights, those of its own ancestors among them."""
        return self._order.ancestor_steps

    @property
    def should_stop(self) -> bool:
        """Whether the last report showed that the trial is not worth going on with.

        A function that looks at it can save before it returns. One that does not is ended by its next report.
        """
        return self._reporter.must_stop

    # --- where it begins -----------------------------------------------------------------------------------

    def begin(
        self,
        module: torch.nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
        policy: Policy = "best_effort",
    ) -> int:
        """Resume if there is something to resume from, else inherit from the parent, if there is one.

        Args:
            module: The trial's network, of any architecture.
            optimizer: What trains it; gets its own state back, or what its parent's becomes in it. One of
                another kind than that of the parent that it continues begins anew; the log says so.
            example_inputs: As for `inherit`.
            policy: As for `inherit`.

        Returns:
            How many steps lie behind: go on up to `max_steps`.

        Raises:
            TransferRefused: As for `inherit`.
            InputError: The checkpoint to resume from lacks the optimizer's state that was asked for.
        """
        point = self._resume_point
        if point is None:
            self.inherit(module, optimizer=optimizer, example_inputs=example_inputs, policy=policy)
            return 0
        try:
            return self._resume(point, module, optimizer)
        except TransferRefused:
            if point.is_own:
                raise  # the same hyperparameters build another network: a fault in the trial function
        self._reporter.resumed(point)
        self._inherit(module, optimizer=optimizer, example_inputs=example_inputs, policy=policy)
        return point.step

    def resume(self, module: torch.nn.Module, *, optimizer: torch.optim.Optimizer | None = None) -> int:
        """Go on from the trial's own last checkpoint, if an earlier attempt was lost; or from its parent's,
        if the trial continues it, as a further rung of a halving does.

        Returns:
            How many steps lie behind; 0 also if there is nothing to resume from.

        Raises:
            TransferRefused: The network is another one than that which was saved.
            InputError: The checkpoint was saved without the optimizer's state that was asked for.
        """
        point = self._resume_point
        return 0 if point is None else self._resume(point, module, optimizer)

    @cached_property
    def _resume_point(self) -> ResumePoint | None:
        if not self._order.resume_from and not self._order.continues:
            return None  # without a look into the store
        return resume_point(self._order, self.store)

    def _resume(
        self, point: ResumePoint, module: torch.nn.Module, optimizer: torch.optim.Optimizer | None
    ) -> int:
        inheritance = _inheritance_module()
        saved = None if optimizer is None else inheritance.kind_of(point.checkpoint)
        if saved not in (None, type(optimizer).__name__) and not point.is_own:
            print(  # noqa: T201  # into the attempt's log
                f"The optimizer begins anew: {point.checkpoint.key} was trained by {saved}, "
                f"trial {self.id} is by {type(optimizer).__name__}.",
                flush=True,
            )
            optimizer = None
        inheritance.load(module, point.checkpoint, optimizer=optimizer)
        self._reporter.resumed(point)
        self._has_resumed = True
        # A trial that continues its parent has not inherited; what it goes on with is the parent's own.
        self._taken_over = TakenOver.resumed(point.checkpoint, module) if point.is_own else TakenOver()
        return point.step

    def inherit(
        self,
        module: torch.nn.Module,
        *,
        example_inputs: ExampleInputs | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        probe: Probe | None = None,
        policy: Policy = "best_effort",
    ) -> Inheritance | None:
        """Take over the first parent's weights, in place.

        Nothing happens to a founder, nor to a trial that has resumed: its own progress is worth more.
        What came over, tensor by tensor, is printed into the attempt's log.

        Args:
            module: The trial's network, of any architecture.
            example_inputs: Inputs as the network gets them. With them, the outputs of parent and child are
                compared, and the difference is recorded; without them, inputs of the parent's shapes are used
                to trace the child, and nothing is compared.
            optimizer: The child's; see `heredity.inherit`.
            probe: See `heredity.inherit`.
            policy: See `heredity.inherit`.

        Returns:
            What came over, with its certificate; None for a founder, and after `resume`.

        Raises:
            TransferRefused: The parent saved nothing, or less than the experiment's `min_coverage` came over:
                a trial that would silently train from nothing.
        """
        if self._has_resumed:
            return None
        return self._inherit(
            module, example_inputs=example_inputs, optimizer=optimizer, probe=probe, policy=policy
        )

    def _inherit(
        self,
        module: torch.nn.Module,
        *,
        example_inputs: ExampleInputs | None,
        optimizer: torch.optim.Optimizer | None,
        policy: Policy,
        probe: Probe | None = None,
    ) -> Inheritance | None:
        parent = self.parent
        if parent is None:
            return None
        inheritance: Inheritance = _inheritance_module().inherit(
            module, parent, example_inputs=example_inputs, optimizer=optimizer, probe=probe, policy=policy
        )
        self.inherited(inheritance)
        return inheritance

    def inherited(self, inheritance: Inheritance) -> None:
        """Say what came over where something else than `inherit` brought it, such as a part of a supernet.

        `inherit` and `begin` say it themselves. It is told wherever the trial is shown, and carried by what
        the trial saves.

        Args:
            inheritance: As `heredity.inherit` and `heredity.oneshot.deriving` give it.

        Raises:
            TransferRefused: Less than the experiment's `min_coverage` came over.
        """
        if inheritance.coverage < self._order.min_coverage:
            raise TransferRefused(
                f"Trial {self.id}: {inheritance.coverage:.1%} of its weights come from "
                f"{inheritance.parent.key}, less than min_coverage = {self._order.min_coverage:.1%}.\n"
                f"{inheritance}",
                hint="Choose a nearer parent, or lower min_coverage.",
            )
        print(inheritance, flush=True)  # noqa: T201  # tensor by tensor, into the attempt's log
        self._reporter.inherited(inheritance.summary())
        self._taken_over = TakenOver.inherited(inheritance, store_id=self.store.store_id)

    # --- what it tells -------------------------------------------------------------------------------------

    def report(
        self, value: float, *, step: int | None = None, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Report the quantity that the experiment looks at; more is better or less is, as its objective says.

        Args:
            value: A finite number.
            step: The trial's training steps so far, with those that `begin` or `resume` returned, without its
                ancestors'; by default one more than at the last report. Step 0 is what was inherited, before
                the first step.
            metrics: What else was measured, by name.

        Raises:
            InvalidReport: A value is no finite number, or the step is negative.
            TrialStopped: The trial went on after it should have stopped. No `except Exception` catches it.
        """
        self._reporter.report(value, step=step, metrics=metrics)

    def finish(self, result: float | Mapping[str, float]) -> None:
        """Say what the trial has come to: what a trial function returns, for programs that cannot return.

        Args:
            result: The score; with several objectives a mapping with all of them.

        Raises:
            InvalidReport: A value is no finite number, or an objective is missing.
        """
        self._reporter.finish(result)

    def save(
        self,
        module: torch.nn.Module,
        *,
        example_inputs: ExampleInputs | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        inherited: Inheritance | None = None,
        tag: str | None = None,
        metadata: Mapping[str, Json] | None = None,
    ) -> Checkpoint:
        """Publish the network's weights; the trial's last save is what its children inherit.

        The checkpoint's score is the trial's last report.

        Args:
            module: The network.
            example_inputs: Inputs as the network gets them, to record its graph. Without a graph, or where it
                cannot be recorded (a warning says so), children of another architecture can only be given
                tensors of the same name and shape.
            optimizer: What trains it; its state is saved beside the weights, to resume and to inherit.
            inherited: What `inherit` returned, whose plan is stored beside the weights. None: what the trial
                took over last, before an earlier attempt was lost too, if the network has the same parameters
                by name and shape.
            tag: Set it to save more than once, as in ``"epoch-3"``: a key is used once.
            metadata: Whatever should be found with the weights.

        Raises:
            KeyTaken: Two saves have the same tag and different content.
        """
        taken_over = self._taken_over.of(module) if inherited is None else TakenOver()
        checkpoint: Checkpoint = _inheritance_module().save(
            self.store,
            module,
            key=self._key(tag),
            parents=list(dict.fromkeys([*taken_over.parents, *self._parent_keys()])),
            score=self._reporter.last.score,
            example_inputs=example_inputs,
            optimizer=optimizer,
            inherited=inherited,
            metadata=taken_over.metadata | self._metadata(metadata),
        )
        return self._saved(checkpoint)

    def save_tensors(
        self,
        tensors: Mapping[str, Any],  # Any: arrays of whatever framework the store knows
        *,
        tag: str | None = None,
        metadata: Mapping[str, Json] | None = None,
    ) -> Checkpoint:
        """Publish plain tensors, or metadata alone; else as `save`."""
        checkpoint = self.store.put(
            self._key(tag),
            tensors,
            parents=self._parent_keys(),
            score=self._reporter.last.score,
            metadata=self._metadata(metadata),
        )
        return self._saved(checkpoint)

    def _saved(self, checkpoint: Checkpoint) -> Checkpoint:
        self._reporter.saved(checkpoint.key)
        return checkpoint

    def _key(self, tag: str | None) -> CheckpointKey:
        # The attempt is part of the key: a lost attempt that comes back cannot take its successor's name.
        suffix = "" if tag is None else f".{tag}"
        return parse_checkpoint_key(f"{self._order.experiment}/{self.id}@{self.attempt}{suffix}")

    def _parent_keys(self) -> list[CheckpointKey]:
        return [key for key in self._order.parents.values() if key is not None]

    def _metadata(self, metadata: Mapping[str, Json] | None) -> dict[str, Json]:
        about: dict[str, Json] = {
            "trial": self.id,
            "parameters": self._order.parameters,
            STEPS: self._reporter.step,
        }
        return about | dict(metadata or {})


def _inheritance_module() -> Any:  # noqa: ANN401  # a module, loaded late
    # On first use: a trial that shares no weights of torch's must not pay for torch.
    return importlib.import_module("heredity.inheritance")
