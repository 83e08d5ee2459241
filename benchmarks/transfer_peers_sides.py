"""The sides: from nothing, heredity in its ways to grow, and what others do; all from the same child."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

import torch
import transfer_peers_literature as literature
from transfer_peers_literature import Pair

from heredity.transfer import apply, plan_transfer


@dataclass(frozen=True)
class Claim:
    """What a certificate says of one transfer."""

    is_exact: bool
    is_exact_in_training: bool
    coverage: float
    reason: str


Side = Callable[[Pair], "Claim | None"]


def _heredity(pair: Pair, *, growth: Literal["copy", "fresh"], noise: float) -> Claim:
    plan = plan_transfer(*pair.graphs, growth=growth, noise=noise, seed=pair.seed)
    apply(plan, pair.parent.state_dict(), pair.child)
    certificate = plan.certificate
    return Claim(
        certificate.is_exact, certificate.is_exact_in_training, certificate.coverage, certificate.reason
    )


def _others(inherit: Callable[[Pair], None]) -> Side:
    def side(pair: Pair) -> None:
        inherit(pair)

    return side


SCRATCH = "from scratch"
SIDES: Mapping[str, Side] = {
    SCRATCH: _others(lambda _: None),
    "heredity, fresh": partial(_heredity, growth="fresh", noise=0.5),
    "heredity, copy, noise 0": partial(_heredity, growth="copy", noise=0.0),
    "heredity, copy, noise 0.5": partial(_heredity, growth="copy", noise=0.5),
    "heredity, copy, noise 1": partial(_heredity, growth="copy", noise=1.0),
    "partial load": _others(literature.partial_load),
    "slice copy": _others(literature.slices),
    "prefix": _others(literature.prefix),
    "Net2Net, noise 0.05": _others(literature.net2net),
    "Auto-Keras, noise 1e-4": _others(literature.auto_keras),
    "G_stack": _others(literature.stacked),
}
OURS = tuple(name for name in SIDES if name.startswith("heredity"))
PEERS = tuple(name for name in SIDES if name != SCRATCH and name not in OURS)


def inherit(name: str, pair: Pair) -> dict[str, object] | None:
    """Let one side set the child's tensors, in place; heredity says what it claims of them."""
    with torch.no_grad():
        claim = SIDES[name](pair)
    return asdict(claim) if claim is not None else None
