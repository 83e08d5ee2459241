"""Publishing a module: its weights, its graph, its optimizer's state, and how it began."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from heredity import checkpoints
from heredity.errors import UntraceableModule
from heredity.graph import outline_and_layers
from heredity.inheritance.modules import plain_module
from heredity.inheritance.optimizers import with_kind
from heredity.inheritance.planning import ExampleInputs, as_inputs
from heredity.inheritance.recorded import with_entry
from heredity.store import Checkpoint, Fingerprints, Store
from heredity.transfer import trace
from heredity.transfer.state import named_optimizer_state

if TYPE_CHECKING:
    import torch

    from heredity.encoding import Json
    from heredity.graph import Graph
    from heredity.inheritance.result import Inheritance


def save(  # noqa: PLR0913  # what a checkpoint consists of
    store: Store,
    module: torch.nn.Module,
    *,
    key: str,
    parents: Sequence[str | Checkpoint] = (),
    score: float | None = None,
    example_inputs: ExampleInputs | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    inherited: Inheritance | None = None,
    metadata: Mapping[str, Json] | None = None,
    finite_only: bool = False,
) -> Checkpoint:
    """Publish a module's weights, and its graph where example inputs are given. Atomic: all of it or nothing.

    Args:
        store: Where to.
        module: The network; nothing of it is changed. What torch.compile, DataParallel or
            DistributedDataParallel have wrapped is saved under its own names.
        key: The checkpoint's name; used once.
        parents: Checkpoints that the weights descend from.
        score: How good the network is.
        example_inputs: Inputs as the network gets them. They are not run; the graph that they are traced to
            lets children of other architectures inherit exactly.
        optimizer: What trains it; its state is saved beside the weights, for `load` and for children.
        inherited: What `inherit` returned for this module. Its parent becomes the first of the parents, if it
            lies in this store, and the metadata keep its plan under ``"inheritance"``.
        metadata: Whatever should be found with the weights.
        finite_only: Refuse weights that hold NaN or infinity, so that nobody inherits from what diverged.

    Warns:
        UserWarning: The graph cannot be recorded. The weights are saved without it, and children of another
            architecture inherit from them by name and shape only.

    Raises:
        KeyTaken: The key belongs to other content.
        InvalidTensor: The values are not at hand, since they are sharded or have not been made; or the
            optimizer's state is not by parameter.
        InputError: The optimizer trains a parameter that is not the module's; or the metadata have an entry
            of ours.
    """
    plain = plain_module(module, purpose="save")
    graph = None if example_inputs is None else _graph(plain, example_inputs, key=key)
    return checkpoints.save_module(
        store,
        plain,
        key=key,
        parents=parents if inherited is None else _with_parent(parents, inherited, store),
        score=score,
        metadata=_metadata(metadata, inherited=inherited, optimizer=optimizer),
        graph=None if graph is None else graph.to_json(),
        fingerprints=None if graph is None else Fingerprints(*outline_and_layers(graph)),
        finite_only=finite_only,
        optimizer_state=None if optimizer is None else named_optimizer_state(plain, optimizer),
    )


def _metadata(
    metadata: Mapping[str, Json] | None,
    *,
    inherited: Inheritance | None,
    optimizer: torch.optim.Optimizer | None,
) -> Mapping[str, Json] | None:
    if inherited is not None:
        metadata = with_entry(metadata, inherited)
    return metadata if optimizer is None else with_kind(metadata, optimizer)


def _graph(module: torch.nn.Module, example_inputs: ExampleInputs, *, key: str) -> Graph | None:
    try:
        return trace(module, as_inputs(example_inputs))
    except UntraceableModule as error:
        # Hours of training must not be lost for want of a graph.
        warnings.warn(
            f"{key} is saved without its graph, so that children of another architecture inherit by name "
            f"and shape only: {error.message}",
            stacklevel=3,
        )
        return None


def _with_parent(
    parents: Sequence[str | Checkpoint], inherited: Inheritance, store: Store
) -> Sequence[str | Checkpoint]:
    is_here = inherited.parent.store_id == store.store_id
    # A fresh twin that has won its race descends from nobody.
    if not is_here or not inherited.coverage or isinstance(parents, str):
        return parents
    return [inherited.parent, *parents]
