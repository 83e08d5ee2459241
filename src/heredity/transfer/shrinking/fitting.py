"""What a smaller child has lost is made up for: its layers are fitted to the parent's on some inputs.

The child is run once, layer by layer. Each layer that mixes what it reads, and of which nothing is proven,
gets the weights, near those that it inherited, with which it makes of what it reads *in the child* what the
parent's layer makes of what that reads. So later layers make up for what earlier ones could not. Statistics
of batch normalization are taken anew on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.utils._pytree import tree_map

from heredity.errors import InputError
from heredity.graph import Ref
from heredity.transfer.plans.certificate import TensorVerdict, Verdict
from heredity.transfer.plans.plan import AxisMap, How, TransferPlan
from heredity.transfer.shrinking.mixing import Mixing, mixing_of
from heredity.transfer.shrinking.regression import correct
from heredity.transfer.stored_network import StoredNetwork

if TYPE_CHECKING:
    from heredity.graph import Graph, Node
    from heredity.transfer.tracing.trace import Inputs

_Given = tuple[list[torch.Tensor], dict[str, torch.Tensor]]

RIDGE = 1e-2
"""How dear changes are, as a share of the mean square of what a layer reads."""

_STATISTICS = ("running_mean", "running_var")

_MOST_ROUNDING = 1e-12
"""A shortfall of this share of the squares is none: the layer does what the parent's does."""


def fit(  # noqa: PLR0913  # two networks and what they are compared on
    plan: TransferPlan,
    module: torch.nn.Module,
    *,
    child: Graph,
    parent: Graph,
    parent_tensors: Mapping[str, torch.Tensor],
    inputs: Inputs,
    ridge: float = RIDGE,
) -> TransferPlan:
    """Fit a child that has inherited to its parent, layer by layer, by least squares on a few inputs.

    What the plan proves stays as it is; so does a child that is exact as a whole. The values that are found
    are in the module only: the plan that is returned says which tensors they are, how many rows they were
    fitted on, and how much of the shortfall is left there. It still holds which entries were kept.

    Fitted are linear layers, and convolutions of one or two dimensions without groups, whose weights nobody
    else reads. Everything is computed on the host, in float64, in eval mode.

    Args:
        plan: What was carried out.
        module: The child, which has inherited by it; changed in place.
        child: Its graph.
        parent: The parent's graph.
        parent_tensors: The parent's state dict.
        inputs: As both networks take them, of the shapes that they were traced with; the more rows the
            better. They need no labels.
        ridge: How dear changes are, as a share of the mean square of what a layer reads.

    Returns:
        The plan, in which the fitted tensors are labelled.

    Raises:
        InputError: The ridge is negative, or the inputs are not those of the networks.
        UntraceableModule: One of the networks cannot be run from its graph.
    """
    if not ridge >= 0:
        raise InputError(f"fit: expected a ridge of at least 0, got {ridge!r}.")
    if plan.certificate.is_exact or not plan.certificate.counts[Verdict.APPROXIMATE]:
        return plan
    networks = [
        StoredNetwork(graph, {name: value.detach().cpu() for name, value in tensors.items()}).eval()
        for graph, tensors in ((parent, parent_tensors), (child, module.state_dict()))
    ]
    given = _wide(inputs)
    with torch.no_grad():
        pairs = _pairs(plan, parent, child)
        results = _results(networks[0].double(), given, {pair.theirs for pair in pairs.values()})
        run = _Run(plan, child, pairs, results, ridge)
        for _ in networks[1].double().steps(*given, change=run.before):
            pass
        _write(run.found, module)
    return _labelled(plan, run.reasons)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer of the child, and the call of the parent that its weight comes from."""

    ours: Mixing
    theirs: str
    rows: AxisMap | None


def _pairs(plan: TransferPlan, parent: Graph, child: Graph) -> dict[str, _Pair]:
    """The layers to fit, by their calls: of approximate weights that come from a layer like it."""
    found: dict[str, _Pair] = {}
    for node in child.calls:
        ours = mixing_of(child, node)
        step = plan.by_tensor.get(ours.weight_tensor) if ours is not None else None
        if ours is None or step is None or step.how not in {How.COPY, How.GATHER}:
            continue
        readers = parent.users[parent.tensors[step.source].name]
        is_approximate = plan.certificate.tensors[step.tensor].verdict is Verdict.APPROXIMATE
        if is_approximate and len(readers) == 1 and parent[readers[0]].target == node.target:
            rows = step.axes[ours.out] if step.how is How.GATHER else None
            found[node.name] = _Pair(ours, readers[0], rows)
    return found


def _results(network: StoredNetwork, given: _Given, names: set[str]) -> dict[str, torch.Tensor]:
    found = {}
    for node, result in network.steps(*given):
        if node.name in names and isinstance(result, torch.Tensor):
            found[node.name] = result
    return found


class _Run:
    """Fits each layer of the child just before it is computed."""

    def __init__(
        self,
        plan: TransferPlan,
        child: Graph,
        pairs: Mapping[str, _Pair],
        results: Mapping[str, torch.Tensor],
        ridge: float,
    ) -> None:
        self._plan, self._child, self._ridge = plan, child, ridge
        self._pairs, self._results = pairs, results
        self.found: dict[str, torch.Tensor] = {}
        self.reasons: dict[str, str] = {}

    def before(self, node: Node, arguments: dict[str, object]) -> None:
        """Change weights and statistics that a call of the child reads, if nothing is proven of them."""
        if node.target == "aten.batch_norm.default":
            self._take_statistics(node, arguments)
        pair = self._pairs.get(node.name)
        if pair is not None:
            self._fit(pair, arguments)

    def _take_statistics(self, node: Node, arguments: dict[str, object]) -> None:
        """As `recalibrate` does, of the statistics of which nothing is proven."""
        names = {argument: self._tensor(node, argument) for argument in _STATISTICS}
        given = arguments["input"]
        if not all(map(self._is_open, names.values())) or not isinstance(given, torch.Tensor):
            return
        others = [axis for axis in range(given.dim()) if axis != 1]
        variance, mean = torch.var_mean(given, others)
        num_rows = given.numel() // given.shape[1]
        for (argument, name), value in zip(names.items(), (mean, variance), strict=True):
            arguments[argument] = self.found[name] = value
            self.reasons[name] = f"taken anew on {num_rows} rows"

    def _tensor(self, node: Node, argument: str) -> str:
        ref = node.arguments.get(argument)
        return self._child[ref.name].tensor if isinstance(ref, Ref) else ""

    def _is_open(self, name: str) -> bool:
        verdict = self._plan.certificate.tensors.get(name)
        return verdict is not None and verdict.verdict is not Verdict.EXACT

    def _fit(self, pair: _Pair, arguments: dict[str, object]) -> None:
        ours = pair.ours
        weight, bias = arguments[ours.weight], arguments[ours.bias]
        assert isinstance(weight, torch.Tensor)  # noqa: S101  # mixing_of has seen to it
        entries, wanted = _wanted(pair, self._results[pair.theirs])
        matrix, offset = (
            ours.matrix(weight)[entries],
            bias[entries] if isinstance(bias, torch.Tensor) else 0.0,
        )
        shortfalls = ((x, y - (x @ matrix.T + offset)) for x, y in ours.rows(arguments, wanted))
        is_centred = bool(ours.bias_tensor) or self._is_normalized_next(ours.node)
        found = correct(shortfalls, ridge=self._ridge, is_centred=is_centred)
        size = float(wanted.square().sum())
        if found.before <= _MOST_ROUNDING * size:
            return
        reason = (
            f"fitted to the parent's on {found.num_rows} rows, ridge {self._ridge:g}: "
            f"{(found.after / size) ** 0.5:.1%} off there, {(found.before / size) ** 0.5:.1%} before"
        )
        fitted = weight.clone()
        ours.matrix(fitted).index_add_(0, entries, found.weight)
        self._change(ours.weight, ours.weight_tensor, fitted, arguments, reason)
        if ours.bias_tensor and isinstance(bias, torch.Tensor):
            changed = bias.index_add(0, entries, found.bias)
            self._change(ours.bias, ours.bias_tensor, changed, arguments, reason)

    def _change(
        self, argument: str, name: str, value: torch.Tensor, arguments: dict[str, object], reason: str
    ) -> None:
        arguments[argument] = self.found[name] = value
        self.reasons[name] = reason

    def _is_normalized_next(self, node: Node) -> bool:
        """Whether a batch normalization takes the means away that a layer without a bias cannot reach."""
        readers = [self._child[name] for name in self._child.users[node.name]]
        return len(readers) == 1 and self._is_open(self._tensor(readers[0], "running_mean"))


def _wanted(pair: _Pair, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The numbers of the channels that come from the parent's, and what they should be."""
    channel = 1 if pair.ours.is_convolution else theirs.dim() - 1
    sources = torch.arange(theirs.shape[channel]) if pair.rows is None else torch.tensor(pair.rows.sources)
    entries = (sources >= 0).nonzero().flatten()
    wanted = theirs.index_select(channel, sources[entries])
    if pair.rows is not None and pair.rows.scales is not None:
        scales = torch.tensor(pair.rows.scales, dtype=wanted.dtype)[entries]
        wanted = wanted * scales.reshape([-1 if axis == channel else 1 for axis in range(wanted.dim())])
    return entries, wanted


def _wide(inputs: Inputs) -> _Given:
    """Positional and keyword inputs, in float64 where they are no whole numbers."""

    def widened(value: object) -> object:
        if not isinstance(value, torch.Tensor):
            return value
        return value.cpu().double() if value.is_floating_point() else value.cpu()

    if isinstance(inputs, Mapping):
        return [], {name: tree_map(widened, value) for name, value in inputs.items()}
    return [tree_map(widened, value) for value in inputs], {}


def _write(found: Mapping[str, torch.Tensor], module: torch.nn.Module) -> None:
    targets = module.state_dict(keep_vars=True)
    for name, value in found.items():
        targets[name].copy_(value)


def _labelled(plan: TransferPlan, reasons: Mapping[str, str]) -> TransferPlan:
    """The plan, with what has been done to each tensor beside why it was not exact."""
    verdicts = dict(plan.certificate.tensors)
    for name, reason in reasons.items():
        old = verdicts[name]
        if old.verdict is Verdict.APPROXIMATE:
            verdicts[name] = TensorVerdict(Verdict.APPROXIMATE, f"{reason}; {old.reason}")
    return replace(plan, certificate=replace(plan.certificate, tensors=verdicts))
