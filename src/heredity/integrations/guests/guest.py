"""GuestTrial: a trial that another tool runs, and whose weights come from our store and go there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from heredity.errors import InputError, KeyTaken, TransferRefused
from heredity.inheritance import Candidates, inherit, load, save
from heredity.integrations.guests import ranks
from heredity.integrations.guests.beginning import CUMULATIVE_STEPS, NOTHING, STEPS, Beginning, steps_behind
from heredity.store import Checkpoint, Store

if TYPE_CHECKING:
    import torch

    from heredity.encoding import Json
    from heredity.inheritance import ExampleInputs, Inheritance, Policy
    from heredity.integrations.guests.identity import Identity

Parent = Store | Candidates | Checkpoint | str | None
"""Whom a trial inherits from: the best relative in a store, or among some candidates; a checkpoint, or its
key in the trial's store; None: nobody."""

_FAILED = "\n"  # no key of a checkpoint
_LOG = logging.getLogger("heredity.integrations")


def ordered(parent: Parent, order: Literal["highest", "lowest"]) -> Parent:
    """A parent; if it is a store, with what the tool says of which scores are good."""
    return Candidates(parent, order=order) if isinstance(parent, Store) else parent


class GuestTrial:
    """A trial of another tool, for one adapter or one training script. Not for several threads.

    Where several processes train one model together, all of them call `inherit`: the first one chooses the
    parent, and the others inherit from the same. Only the first one should `save`.
    """

    def __init__(  # noqa: PLR0913  # all by name but two
        self,
        store: Store,
        identity: Identity,
        *,
        parent: Parent,
        policy: Policy = "best_effort",
        min_coverage: float = 0.0,
        own: Checkpoint | None = None,
        on_change: Callable[[Mapping[str, Json]], object] = lambda _facts: None,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            store: Where the trial's weights go.
            identity: Which trial it is.
            parent: Whom it inherits from. A store that holds no candidate yet is no error: a first trial
                inherits nothing, and its facts say so. A key that is not there is one.
            policy: As for `heredity.inherit`.
            min_coverage: The least share of its parameters that must come over from a parent, from 0 to 1.
            own: What an earlier start of this trial has saved last, for `begin` to go on from.
            on_change: Called with `facts` whenever they have changed, so that the tool can show them.

        Raises:
            InputError: The store or the parent is none.
        """
        if not isinstance(store, Store):
            raise InputError(
                f"{identity.tool}: expected a store, got {type(store).__name__} {store!r:.80}.",
                hint="heredity.open_store(url) opens one.",
            )
        if parent is not None and not isinstance(parent, Store | Candidates | Checkpoint | str):
            raise InputError(
                f"{identity.tool}: expected a parent, got {type(parent).__name__} {parent!r:.80}.",
                hint="A store, heredity.Candidates, a checkpoint, its key, or None.",
            )
        self.store = store
        self.identity = identity
        self._parent = parent
        self._policy = policy
        self._min_coverage = min_coverage
        self._own = own
        self._on_change = on_change
        self._beginning: Beginning | None = None
        self._inheritance: Inheritance | None = None
        self._has_resumed = False
        self._steps: int | None = None
        self._saved: list[Checkpoint] = []

    @property
    def beginning(self) -> Beginning:
        """How the trial began."""
        return self._beginning or Beginning(NOTHING, reason="the trial did not inherit")

    @property
    def facts(self) -> dict[str, Json]:
        """What a table of the tool's may show: the parent, what came over, what was trained and saved."""
        began = self.beginning
        return {
            "parent": began.parent,
            "verdict": began.verdict,
            "coverage": began.coverage,
            "reason": began.reason,
            "resumed": self._has_resumed,
            CUMULATIVE_STEPS: None if self._steps is None else began.cumulative(self._steps),
            "checkpoint": self._saved[-1].key if self._saved else None,
        }

    # --- where it begins -----------------------------------------------------------------------------------

    def begin(
        self,
        module: torch.nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
    ) -> int:
        """Resume if an earlier start of the trial has left something, else inherit.

        Args:
            module: The trial's network.
            optimizer: Gets its own state back, or what its parent's becomes in it.
            example_inputs: As for `inherit`.

        Returns:
            How many of the trial's steps lie behind.

        Raises:
            TransferRefused: As for `resume` and `inherit`.
            InputError: As for `resume`.
        """
        if self._own is None:
            self.inherit(module, optimizer=optimizer, example_inputs=example_inputs)
            return 0
        self.resume(module, self._own, optimizer=optimizer)
        steps = self._own.metadata.get(STEPS)
        return self.beginning.first_step + (steps if isinstance(steps, int) else 0)

    def inherit(
        self,
        module: torch.nn.Module,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
    ) -> Inheritance | None:
        """Take over the parent's weights, in place. Nothing happens to a trial that has resumed.

        Args:
            module: The trial's network, of any architecture, before it is sharded.
            optimizer: What trains it; as for `heredity.inherit`.
            example_inputs: Inputs as the network gets them; as for `heredity.inherit`.

        Returns:
            What came over; None where nothing did, and `facts` say why.

        Raises:
            CheckpointNotFound: The parent that was named is not there.
            TransferRefused: As for `heredity.inherit`; or less than `min_coverage` came over.
        """
        if self._has_resumed:
            return None
        parent = self.store[self._parent] if isinstance(self._parent, str) else self._parent
        return self.inherit_from(module, parent, optimizer=optimizer, example_inputs=example_inputs)

    def inherit_from(
        self,
        module: torch.nn.Module,
        source: Store | Candidates | Checkpoint | None,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        example_inputs: ExampleInputs | None = None,
        first_step: int = 0,
    ) -> Inheritance | None:
        """Inherit from another one than `parent`, also in the middle of the trial, as populations do.

        Args:
            module: As for `inherit`.
            source: Whom from.
            optimizer: As for `inherit`.
            example_inputs: As for `inherit`.
            first_step: Where the tool's count of steps stands.

        Returns:
            What came over; None where nothing did.
        """

        def take(source: Store | Candidates | Checkpoint) -> Inheritance | None:
            return inherit(
                module,
                source,
                example_inputs=example_inputs,
                optimizer=optimizer,
                policy=self._policy,
                missing_ok=True,
            )

        inheritance = None if source is None else _together(take, source)
        self._inheritance, self._has_resumed = inheritance, False
        if inheritance is None:
            reason = (
                "no parent was asked for" if source is None else f"no checkpoint in {self.store.url} fits"
            )
            self._began(Beginning(NOTHING, reason=reason, first_step=first_step))
            return None
        self._began(self._beginning_of(inheritance, first_step=first_step))
        if inheritance.coverage < self._min_coverage:
            raise TransferRefused(
                f"{self.identity.prefix}: {inheritance.coverage:.1%} of its weights come from "
                f"{inheritance.parent.key}, less than min_coverage = {self._min_coverage:.1%}.\n"
                f"{inheritance}",
                hint="Choose a nearer parent, or lower min_coverage.",
            )
        return inheritance

    def resume(
        self,
        module: torch.nn.Module,
        checkpoint: Checkpoint,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        beginning: Beginning | None = None,
    ) -> None:
        """Go on from a checkpoint of the trial's own; from then on `inherit` does nothing.

        Args:
            module: The trial's network, of the architecture that was saved.
            checkpoint: What an earlier start of the trial has saved.
            optimizer: Gets its state back.
            beginning: How the trial began; by default what the checkpoint says.

        Raises:
            TransferRefused: The network is another one.
            InputError: The optimizer's state was not saved.
        """
        load(module, checkpoint, optimizer=optimizer)
        if beginning is None:
            beginning = Beginning.from_json(checkpoint.metadata.get("began"))
        self.has_resumed(beginning)

    def has_resumed(self, beginning: Beginning | None = None) -> None:
        """Say that the tool itself has put the trial's own weights back: `inherit` does nothing any more.

        Args:
            beginning: How the trial began, if the tool has kept it.
        """
        self._inheritance, self._has_resumed = None, True
        self._began(beginning or Beginning(NOTHING, reason="the trial resumed; it is not known how it began"))

    def _beginning_of(self, inheritance: Inheritance, *, first_step: int) -> Beginning:
        summary, parent = inheritance.summary(), inheritance.parent
        return Beginning(
            verdict=str(summary["verdict"]),
            parent=parent.key,
            parent_store=parent.store_id,
            coverage=inheritance.coverage,
            reason=str(summary["reason"]),
            ancestor_steps=steps_behind(parent, self.store),
            first_step=first_step,
        )

    def _began(self, beginning: Beginning) -> None:
        self._beginning = beginning
        what = self._inheritance or ("goes on" if self._has_resumed else f"nothing: {beginning.reason}")
        _LOG.info("%s: %s", self.identity.prefix, what)
        self._on_change(self.facts)

    # --- what it leaves ------------------------------------------------------------------------------------

    def save(  # noqa: PLR0913  # what a checkpoint consists of
        self,
        module: torch.nn.Module,
        *,
        score: float | None = None,
        steps: int | None = None,
        example_inputs: ExampleInputs | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        tag: str | None = None,
        metadata: Mapping[str, Json] | None = None,
    ) -> Checkpoint:
        """Publish the trial's weights, with its parent, its steps and its name in the tool.

        Args:
            module: The network.
            score: How good it is.
            steps: Where the tool's count of steps stands, for the account of training with all ancestors'.
            example_inputs: Inputs as the network gets them, to record its graph.
            optimizer: What trains it; its state is saved beside the weights.
            tag: What tells several saves of one trial apart. A key that is taken gets a number.
            metadata: Whatever should be found with the weights.

        Returns:
            The checkpoint.
        """
        self._steps = steps

        def publish(key: str) -> Checkpoint:
            return save(
                self.store,
                module,
                key=key,
                parents=self._parents(),
                score=score,
                example_inputs=example_inputs,
                optimizer=optimizer,
                inherited=self._inheritance,
                metadata=self._metadata(steps) | dict(metadata or {}),
            )

        saved = self._published(publish, tag)
        self._saved.append(saved)
        self._on_change(self.facts)
        return saved

    def _published(self, publish: Callable[[str], Checkpoint], tag: str | None) -> Checkpoint:
        """Under the first key that is free."""
        keys = self.identity.keys(tag)
        while True:
            key = next(keys)
            if key in self.store:
                continue
            with suppress(KeyTaken):  # it was dropped, or somebody was faster
                return publish(key)

    def withdraw(self, reason: str) -> None:
        """Drop whatever the trial has saved, also what it has resumed from: nobody inherits from it any more.

        Raises:
            InputError: A ref points to a checkpoint of it.
        """
        for checkpoint in [*self._saved, *([] if self._own is None else [self._own])]:
            self.store.drop(checkpoint, reason=reason)
        self._saved = []
        self._on_change(self.facts)

    def _parents(self) -> list[str]:
        began = self.beginning
        is_here = began.parent is not None and began.parent_store == self.store.store_id
        # With an inheritance, `save` adds its parent itself, unless nothing of it is left.
        return [began.parent] if is_here and began.parent and self._inheritance is None else []

    def _metadata(self, steps: int | None) -> dict[str, Json]:
        began = self.beginning
        about: dict[str, Json] = {**self.identity.metadata(), "began": began.to_json()}
        if steps is not None:
            about |= {STEPS: steps - began.first_step, CUMULATIVE_STEPS: began.cumulative(steps)}
        return about


def _together(
    take: Callable[[Store | Candidates | Checkpoint], Inheritance | None],
    source: Store | Candidates | Checkpoint,
) -> Inheritance | None:
    """The first process chooses, and the others take the same parent."""
    if ranks.is_first():
        try:
            inheritance = take(source)
        except BaseException:
            ranks.agreed(_FAILED)  # or the others would wait for it
            raise
        ranks.agreed(None if inheritance is None else inheritance.parent.key)
        return inheritance
    key = ranks.agreed(None)
    if key == _FAILED:
        raise TransferRefused("The first process could not inherit.", hint="Its own error says why.")
    if key is None:
        return None
    if isinstance(source, Checkpoint):
        return take(source)
    return take((source.store if isinstance(source, Candidates) else source)[key])
