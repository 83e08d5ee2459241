"""Inheriting: find or take a parent, plan, carry out by the policy, measure, report."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Literal, overload

import torch

from heredity.errors import CheckpointNotFound, InputError, TransferRefused, UntraceableModule
from heredity.inheritance.choosing import Candidate, Candidates, Probe, Ranking, rank
from heredity.inheritance.choosing.ranking import sources_of
from heredity.inheritance.measuring import measured
from heredity.inheritance.modules import plain_module
from heredity.inheritance.optimizers import carried, refuse_strangers
from heredity.inheritance.planning import ExampleInputs, Growth, Planner, as_inputs
from heredity.inheritance.policies import Plain, Policy, Race, ShrinkAndPerturb, parse_policy
from heredity.inheritance.policies.perturbing import changed_by, perturb
from heredity.inheritance.policies.racing import plan_after, run_race
from heredity.inheritance.reading import StoredTensors
from heredity.inheritance.result import Inheritance
from heredity.inheritance.snapshots import Snapshot
from heredity.store import Checkpoint, Store
from heredity.transfer import apply

Source = Checkpoint | Store | Candidates

MOST_ROUNDING = 1e-2
"""Share of the parent's largest output; chosen far above what rounding in float32 is expected to do."""


@overload
def inherit(
    module: torch.nn.Module,
    source: Source,
    *,
    example_inputs: ExampleInputs | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    probe: Probe | None = None,
    policy: Policy = "best_effort",
    growth: Literal["fresh", "copy"] | Growth = "fresh",
    missing_ok: Literal[False] = False,
) -> Inheritance: ...


@overload
def inherit(
    module: torch.nn.Module,
    source: Source,
    *,
    example_inputs: ExampleInputs | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    probe: Probe | None = None,
    policy: Policy = "best_effort",
    growth: Literal["fresh", "copy"] | Growth = "fresh",
    missing_ok: bool,
) -> Inheritance | None: ...


def inherit(  # noqa: PLR0913  # what an inheritance is decided by
    module: torch.nn.Module,
    source: Source,
    *,
    example_inputs: ExampleInputs | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    probe: Probe | None = None,
    policy: Policy = "best_effort",
    growth: Literal["fresh", "copy"] | Growth = "fresh",
    missing_ok: bool = False,
) -> Inheritance | None:
    """Take over a checkpoint's weights into a module of any architecture, in place.

    The parent's tensors are read one lot after the other and written into the child's own memory: no second
    copy of the network is made, unless a probe, a race or a perturbation needs the child's initial values
    again, which then lie on the host.

    Args:
        module: The child. Its devices and dtypes stay; what is not inherited keeps its own initial values.
            Wrapped by torch.compile, DataParallel or DistributedDataParallel, the inner module inherits.
        source: The parent's checkpoint; or a store, for the best of all that it holds; or `Candidates`, for
            the best of some of them.
        example_inputs: Inputs as the child gets them. With them, the outputs of parent and child are compared
            and `Inheritance.difference` is set. The child is traced on zeros of the shapes that the parent
            was recorded with, or on these inputs where they differ in more than the number of rows.
        optimizer: The child's, of the parent's kind. Where the parent was saved with its own, moments and
            counts of steps go the way of the weights; hyperparameters stay the child's.
        probe: For a choice among several: (inputs, targets, loss), or a function of the module that returns a
            number, less of which is better. Each candidate is tried, and the one with the least start loss
            becomes the parent. Without it exactness decides, then coverage, then the score.
        policy: ``"best_effort"`` takes over what it can, labelled; ``"exact"`` refuses what is not proven to
            be equal; `ShrinkAndPerturb` and `Race`, or their texts, do more after it.
        growth: How new units of a larger child begin, where more than one way is exact.
        missing_ok: Whether a store without any candidate is no error: then None is returned.

    Returns:
        What came over, and what may be claimed of it.

    Warns:
        UserWarning: The outputs differ although the certificate says that they do not: a bug of ours.

    Raises:
        TransferRefused: `policy` is ``"exact"`` and equality is not proven; or the module is sharded,
            quantised or without values; nothing was changed.
        CheckpointNotFound: The store holds no candidate.
        CorruptCheckpoint: A tensor of the parent is not what its digest says; nothing was changed, but
            the weights if it is one of the optimizer's.
        InputError: The policy, the probe or the source is none; or the optimizer is not the module's, or is
            given to a race, whose `train` makes its own.
    """
    chosen = parse_policy(policy)
    child = plain_module(module, purpose="inherit")
    _check_optimizer(chosen, child, optimizer)
    grown = growth if isinstance(growth, Growth) else Growth(growth)
    planner = Planner(child, example_inputs, growth=grown)
    needs_exact = (chosen.start if isinstance(chosen, Race) else chosen) == "exact"
    if isinstance(source, Store | Candidates):
        candidates = source if isinstance(source, Candidates) else Candidates(source)
        knows_inputs = example_inputs is not None
        try:
            ranking = rank(candidates, child, planner=planner, probe=probe, knows_inputs=knows_inputs)
            best = _best(ranking, candidates, needs_exact=needs_exact)
        except CheckpointNotFound:
            if missing_ok:
                return None
            raise
    else:
        ranking = Ranking((), None)
        best = Candidate(source, planner.plan(source))
    assert best.plan is not None  # noqa: S101  # the best one has no problem
    if needs_exact and not best.plan.certificate.is_exact:
        raise TransferRefused(
            f"{best.checkpoint.key}: the child would not be exact: "
            f"{best.plan.certificate.reason}\n{best.plan}",
            hint="Use policy='best_effort' to take over what can be taken.",
        )
    inheritance = _carried_out(chosen, Inheritance(best.checkpoint, best.plan, child), example_inputs)
    report = None if optimizer is None else carried(best.checkpoint, best.plan, child, optimizer)
    return replace(
        inheritance, considered=ranking.considered, fresh_loss=ranking.fresh_loss, optimizer=report
    )


def _check_optimizer(
    policy: Plain | ShrinkAndPerturb | Race, child: torch.nn.Module, optimizer: torch.optim.Optimizer | None
) -> None:
    if optimizer is None:
        return
    if isinstance(policy, Race):
        raise InputError(
            "inherit: a race takes no optimizer, since both runners need one of their own.",
            hint="Make it in the race's `train`.",
        )
    refuse_strangers(child, optimizer)


def _best(ranking: Ranking, candidates: Candidates, *, needs_exact: bool) -> Candidate:
    usable = [each for each in ranking.considered if not each.problem]
    exact = [each for each in usable if each.plan is not None and each.plan.certificate.is_exact]
    if needs_exact and usable:
        return (exact or usable)[0]  # which says why it is not
    if usable:
        return usable[0]
    problems = "\n".join(f"{each.checkpoint.key}: {each.problem}" for each in ranking.considered)
    raise CheckpointNotFound(
        f"{candidates.store.url}: of {len(ranking.considered)} checkpoints none can be a parent:\n{problems}",
        hint="Pass missing_ok=True to go on with nothing inherited.",
    )


def _carried_out(
    policy: Plain | ShrinkAndPerturb | Race, planned: Inheritance, example_inputs: ExampleInputs | None
) -> Inheritance:
    """Apply, perturb, measure; and race, if that is the policy."""
    if isinstance(policy, Race):
        initial = Snapshot(planned.module)
        heir = _carried_out(parse_policy(policy.start), planned, example_inputs)
        race = run_race(policy, heir.module, initial=initial)
        return replace(heir, plan=plan_after(heir.plan, race), policy=str(policy), race=race)
    plan, child = planned.plan, planned.module
    tensors = StoredTensors(planned.parent, sources_of(plan))
    if isinstance(policy, ShrinkAndPerturb):
        initial = Snapshot(child, names=changed_by(plan, child))
        apply(plan, tensors, child)
        plan = perturb(policy, plan, child, initial=initial)
    else:
        apply(plan, tensors, child)
    return _with_measurement(replace(planned, plan=plan, policy=str(policy)), example_inputs)


def _with_measurement(inheritance: Inheritance, example_inputs: ExampleInputs | None) -> Inheritance:
    if example_inputs is None:
        return inheritance
    parent, inputs = inheritance.parent, as_inputs(example_inputs)
    try:
        difference = measured(parent, inheritance.module, inputs, dtype=torch.float32)
    except UntraceableModule as error:
        # What was inherited is proven or not without it: a measurement that cannot be made undoes nothing.
        return replace(inheritance, not_measured=error.message)
    if inheritance.is_exact and not difference.in_eval_relative < MOST_ROUNDING:
        warnings.warn(
            f"{parent.key}: proven to be exact, but measured {difference}. One of the two is wrong, which is "
            "a bug of heredity's: please report it with both networks, and do not trust this inheritance.",
            stacklevel=4,
        )
    return replace(inheritance, difference=difference, not_measured="")
