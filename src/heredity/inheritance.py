"""Warm-start a child from a parent's checkpoint. The only place that knows both store and transfer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch

from heredity import checkpoints
from heredity.encoding import Json
from heredity.errors import InputError, TransferRefused, UntraceableModule
from heredity.graph import Graph, graph_from_json, outline_and_layers
from heredity.store import Checkpoint, Fingerprints, Match, Store
from heredity.transfer import (
    Certificate,
    Difference,
    Inputs,
    StoredNetwork,
    TensorSpec,
    TransferPlan,
    Verdict,
    apply,
    batches,
    differ_in_batch_only,
    example_inputs_like,
    measure_difference,
    plan_by_name,
    plan_transfer,
    trace,
)

ExampleInputs = torch.Tensor | tuple[object, ...] | Mapping[str, object]
"""Inputs as the network gets them: one tensor, positional arguments, or keyword arguments."""

Policy = Literal["best_effort", "exact"]
"""``best_effort`` carries over what it can, labelled; ``exact`` refuses what is not proven to be equal."""

MOST_ROUNDING = 1e-2
"""Share of the parent's largest output; chosen far above what rounding in float32 is expected to do."""


@dataclass(frozen=True)
class Inheritance:
    """What a module took over from a checkpoint. Prints as a table, one row a tensor."""

    parent: Checkpoint
    plan: TransferPlan
    module: torch.nn.Module = field(repr=False)
    difference: Difference | None = None
    """The measured difference between the outputs of parent and child; None if it was not measured."""
    not_measured: str = "no example inputs were given"
    """Why there is no measured difference; empty if there is one."""

    @property
    def certificate(self) -> Certificate:
        """What is proven about it."""
        return self.plan.certificate

    @property
    def coverage(self) -> float:
        """Share of the child's parameters, counted by element, that come from the parent."""
        return self.certificate.coverage

    @property
    def is_exact(self) -> bool:
        """Whether the child's outputs are proven to equal the parent's, in eval mode."""
        return self.certificate.is_exact

    def verify(self, *inputs: object, dtype: torch.dtype = torch.float32, **keywords: object) -> Difference:
        """Measure how far the child's outputs are from the parent's, in eval and in train mode.

        Meaningful before the child's first training step. The parent is run from its recorded graph.

        Args:
            *inputs: Positional arguments as the child takes them, real ones.
            dtype: What to compute in; float64 tells rounding from a real difference.
            **keywords: Keyword arguments, instead of positional ones.

        Raises:
            UntraceableModule: The parent has no graph, or one that cannot be run here.
        """
        given: Inputs = keywords or inputs
        if len(inputs) == 1 and isinstance(inputs[0], tuple | Mapping):
            given = inputs[0]  # as `inherit` takes them
        return _measured(self.parent, self.module, given, dtype)

    def summary(self) -> dict[str, Json]:
        """The facts in short, as the journal keeps them."""
        exact = _elements_from_parent(self.plan, Verdict.EXACT)
        approximate = _elements_from_parent(self.plan, Verdict.APPROXIMATE)
        total = sum(step.num_elements for step in self.plan.steps if step.is_parameter)
        difference = self.difference
        return {
            "parent": self.parent.key,
            "verdict": _verdict(self.certificate),
            "exact_in_training": self.certificate.is_exact_in_training,
            "reason": self.certificate.reason or self.certificate.training_reason,
            "coverage": self.coverage,
            "num_exact": exact,
            "num_approximate": approximate,
            "num_new": total - exact - approximate,
            "not_measured": self.not_measured,
            "max_difference": _finite(None if difference is None else difference.in_eval),
            "max_difference_in_training": _finite(None if difference is None else difference.in_training),
        }

    def __str__(self) -> str:
        text = f"inherited from {self.parent.key}\n{self.plan}"
        measured = f"not measured: {self.not_measured}"
        if self.difference is not None:
            measured = f"measured: {self.difference}"
        return f"{text}\n{measured}"


def inherit(
    module: torch.nn.Module,
    source: Checkpoint,
    *,
    example_inputs: ExampleInputs | None = None,
    policy: Policy = "best_effort",
) -> Inheritance:
    """Take over a checkpoint's weights into a module of any architecture, in place.

    Args:
        module: The child. Its devices and dtypes stay; what is not inherited keeps its own initial values.
        source: The parent's checkpoint.
        example_inputs: Inputs as the child gets them. With them, the outputs of parent and child are compared
            and `Inheritance.difference` is set. The child is traced on zeros of the shapes that the parent
            was recorded with, or on these inputs where they differ in more than the number of rows.
        policy: What to do if the child will not be proven equal to the parent.

    Warns:
        UserWarning: The outputs differ although the certificate says that they do not: a bug of ours.

    Raises:
        TransferRefused: `policy` is ``exact`` and equality is not proven; nothing was changed.
        CorruptCheckpoint: A tensor of the parent is not what its digest says; nothing was changed.
    """
    if policy not in get_args(Policy):
        raise InputError(f"policy: expected one of {', '.join(get_args(Policy))}, got {policy!r}.")
    parent_graph = _graph_of(source)
    plan = _plan(module, source, parent_graph, example_inputs)
    if policy == "exact" and not plan.certificate.is_exact:
        raise TransferRefused(
            f"{source.key}: the child would not be exact: {plan.certificate.reason}\n{plan}",
            hint="Use policy='best_effort' to take over what can be taken.",
        )
    wanted = {step.source for step in plan.steps if step.source}
    apply(plan, source.tensors(wanted, framework="torch"), module)
    if example_inputs is None:
        return Inheritance(source, plan, module)
    try:
        difference = _measured(source, module, _inputs(example_inputs), torch.float32)
    except UntraceableModule as error:
        # What was inherited is proven or not without it: a measurement that cannot be made undoes nothing.
        return Inheritance(source, plan, module, not_measured=error.message)
    if plan.certificate.is_exact and not difference.in_eval_relative < MOST_ROUNDING:
        warnings.warn(
            f"{source.key}: proven to be exact, but measured {difference}. One of the two is wrong, which is "
            "a bug of heredity's: please report it with both networks, and do not trust this inheritance.",
            stacklevel=2,
        )
    return Inheritance(source, plan, module, difference, not_measured="")


def relatives(
    store: Store, module: torch.nn.Module, *, example_inputs: ExampleInputs, limit: int = 10
) -> list[tuple[Checkpoint, Match]]:
    """Find the checkpoints from which a module could inherit most: who has its longest exact beginning first.

    After them come those with the same graph whatever its widths; among equals the best scores come first.
    Takes milliseconds besides the tracing, however many checkpoints there are.

    Args:
        store: Where to look; only what was saved with example inputs is found.
        module: The child; nothing of it is changed.
        example_inputs: Inputs as the child gets them. They are not run.
        limit: How many to return at most.

    Returns:
        The checkpoints, each with what it shares with the module.

    Raises:
        UntraceableModule: The module's graph cannot be recorded.
    """
    graph = trace(module, _inputs(example_inputs))
    return store.find(Fingerprints(*outline_and_layers(graph)), limit=limit)


def save(  # noqa: PLR0913  # what a checkpoint consists of
    store: Store,
    module: torch.nn.Module,
    *,
    key: str,
    parents: Sequence[str | Checkpoint] = (),
    score: float | None = None,
    example_inputs: ExampleInputs | None = None,
    metadata: Mapping[str, Json] | None = None,
    finite_only: bool = False,
) -> Checkpoint:
    """Publish a module's weights, and its graph where example inputs are given. Atomic: all of it or nothing.

    Args:
        store: Where to.
        module: The network; nothing of it is changed.
        key: The checkpoint's name; used once.
        parents: Checkpoints that the weights descend from.
        score: How good the network is.
        example_inputs: Inputs as the network gets them. They are not run; the graph that they are traced to
            lets children of other architectures inherit exactly.
        metadata: Whatever should be found with the weights.
        finite_only: Refuse weights that hold NaN or infinity, so that nobody inherits from what diverged.

    Warns:
        UserWarning: The graph cannot be recorded. The weights are saved without it, and children of another
            architecture inherit from them by name and shape only.

    Raises:
        KeyTaken: The key belongs to other content.
    """
    graph: Graph | None = None
    if example_inputs is not None:
        try:
            graph = trace(module, _inputs(example_inputs))
        except UntraceableModule as error:
            # Hours of training must not be lost for want of a graph.
            warnings.warn(
                f"{key} is saved without its graph, so that children of another architecture inherit by name "
                f"and shape only: {error.message}",
                stacklevel=2,
            )
    return checkpoints.save_module(
        store,
        module,
        key=key,
        parents=parents,
        score=score,
        metadata=metadata,
        graph=None if graph is None else graph.to_json(),
        fingerprints=None if graph is None else Fingerprints(*outline_and_layers(graph)),
        finite_only=finite_only,
    )


def _plan(
    module: torch.nn.Module,
    source: Checkpoint,
    parent_graph: Graph | None,
    example_inputs: ExampleInputs | None,
) -> TransferPlan:
    if parent_graph is None:
        return _by_name(module, source, f"{source.key} was saved without its graph")
    # On the parent's shapes, so that graphs which differ only in the batch's size are not told apart.
    inputs: Inputs = example_inputs_like(parent_graph)
    if example_inputs is not None and not differ_in_batch_only(_inputs(example_inputs), inputs):
        inputs = _inputs(example_inputs)
    try:
        child_graph = trace(module, inputs)
    except UntraceableModule as error:
        return _by_name(module, source, f"the child cannot be traced: {error.message}")
    return plan_transfer(parent_graph, child_graph)


def _by_name(module: torch.nn.Module, source: Checkpoint, reason: str) -> TransferPlan:
    parent = {
        name: TensorSpec(entry.shape, _dtype_name(checkpoints.torch_dtype(entry.dtype)))
        for name, entry in source.manifest.tensors.items()
    }
    parameters = dict(module.named_parameters())
    child = {
        name: TensorSpec(tuple(tensor.shape), _dtype_name(tensor.dtype), is_parameter=name in parameters)
        for name, tensor in checkpoints.tensors_of(module).items()
    }
    return plan_by_name(parent, child, reason=reason)


def _dtype_name(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.")


def _measured(parent: Checkpoint, module: torch.nn.Module, inputs: Inputs, dtype: torch.dtype) -> Difference:
    graph = _graph_of(parent)
    if graph is None:
        raise UntraceableModule(
            f"{parent.key} was saved without its graph, so it cannot be run.",
            hint="Give `example_inputs` when it is saved.",
        )
    network = StoredNetwork(graph, parent.tensors(framework="torch"))
    measured = [
        measure_difference(network, module, batch, dtype=dtype)
        for batch in batches(inputs, like=example_inputs_like(graph))
    ]
    return Difference(
        in_eval=max(each.in_eval for each in measured),
        in_eval_relative=max(each.in_eval_relative for each in measured),
        in_training=max(each.in_training for each in measured),
        in_training_relative=max(each.in_training_relative for each in measured),
    )


def _graph_of(checkpoint: Checkpoint) -> Graph | None:
    if not isinstance(checkpoint, Checkpoint):
        raise InputError(
            f"expected a checkpoint, got {type(checkpoint).__name__} {checkpoint!r:.60}.",
            hint="Take it from its store: store[key].",
        )
    recorded = checkpoint.graph
    return None if recorded is None else graph_from_json(recorded)


def _inputs(example_inputs: ExampleInputs) -> Inputs:
    return (example_inputs,) if isinstance(example_inputs, torch.Tensor) else example_inputs


def _finite(value: float | None) -> float | None:
    """JSON has no infinity; outputs of other shapes have no difference."""
    return value if value is not None and math.isfinite(value) else None


def _verdict(certificate: Certificate) -> str:
    if certificate.is_exact:
        return Verdict.EXACT.value
    return Verdict.APPROXIMATE.value if certificate.coverage else Verdict.FRESH.value


def _elements_from_parent(plan: TransferPlan, verdict: Verdict) -> int:
    return sum(
        step.num_from_parent
        for step in plan.steps
        if step.is_parameter and plan.certificate.tensors[step.tensor].verdict is verdict
    )
