"""A regularized evolution that trains nothing: who descends from whom, and which blocks each trial trains.

As in Real et al. (2019), AmoebaNet: of a random sample of the population the best becomes the parent, its
child differs in one block, and the oldest of the population gives way.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

NUM_BLOCKS = 18
NUM_OPERATORS = 5
SAMPLE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Offspring:
    """One trial.

    Args:
        operators: What each block is.
        parent: The trial it was mutated from; None for the first population.
        mutated: The block in which it differs from its parent.
        population: The trials that live when it is born, itself not among them.
    """

    operators: tuple[int, ...]
    parent: int | None
    mutated: int
    population: range


def evolve(num_trials: int, *, population_size: int, seed: int) -> list[Offspring]:
    """Trials in the order of their birth."""
    chance = random.Random(seed)
    worth = [[chance.gauss(0, 1) for _ in range(NUM_OPERATORS)] for _ in range(NUM_BLOCKS)]
    trials: list[Offspring] = []
    scores: list[float] = []
    for number in range(num_trials):
        population = range(max(0, number - population_size), number)
        if number < population_size:
            operators = tuple(chance.randrange(NUM_OPERATORS) for _ in range(NUM_BLOCKS))
            born = Offspring(operators, None, 0, population)
        else:
            sample = chance.sample(population, min(SAMPLE_SIZE, len(population)))
            parent = max(sample, key=scores.__getitem__)
            block = chance.randrange(NUM_BLOCKS)
            others = [each for each in range(NUM_OPERATORS) if each != trials[parent].operators[block]]
            operators = (
                *trials[parent].operators[:block],
                chance.choice(others),
                *trials[parent].operators[block + 1 :],
            )
            born = Offspring(operators, parent, block, population)
        trials.append(born)
        noise = chance.gauss(0, 0.5)  # as training has
        scores.append(sum(worth[block][each] for block, each in enumerate(operators)) + noise)
    return trials


@dataclass(frozen=True, slots=True)
class Training:
    """What a policy decides: the blocks taken over from a donor, frozen; the rest is trained."""

    donor: int | None
    frozen: frozenset[int]


Policy = Callable[[Sequence[Offspring], int], Training]


def everything(_trials: Sequence[Offspring], _number: int) -> Training:
    return Training(None, frozenset())


def from_the_mutated_block_on(trials: Sequence[Offspring], number: int) -> Training:
    born = trials[number]
    return Training(born.parent, frozenset(range(born.mutated) if born.parent is not None else ()))


def longest_common_prefix(trials: Sequence[Offspring], number: int) -> Training:
    born = trials[number]
    if born.parent is None:
        return Training(None, frozenset())

    def common(other: int) -> int:
        pairs = zip(born.operators, trials[other].operators, strict=True)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    donor = max(born.population, key=common)
    return Training(donor, frozenset(range(common(donor))))


def only_the_mutated_block(trials: Sequence[Offspring], number: int) -> Training:
    born = trials[number]
    frozen = () if born.parent is None else (block for block in range(NUM_BLOCKS) if block != born.mutated)
    return Training(born.parent, frozenset(frozen))


POLICIES: dict[str, Policy] = {
    "everything": everything,
    "from the mutated block on": from_the_mutated_block_on,
    "behind the longest common prefix in the population": longest_common_prefix,
    "only the mutated block and the head": only_the_mutated_block,
}
HEAD = NUM_BLOCKS
"""The head's number, as if it were one more block."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a trial's weights come from.

    Args:
        donor: The trial that it takes frozen blocks over from.
        origins: For each of its blocks, and the head, the trial that trained it.
    """

    donor: int | None
    origins: tuple[int, ...]


def train(trials: Sequence[Offspring], policy: Policy) -> list[Weights]:
    """Let a policy train all trials."""
    found: list[Weights] = []
    for number in range(len(trials)):
        training = policy(trials, number)
        donated = () if training.donor is None else found[training.donor].origins
        origins = (donated[block] if block in training.frozen else number for block in range(NUM_BLOCKS + 1))
        found.append(Weights(training.donor, tuple(origins)))
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """How often the bytes of all copies contain what has to be kept, counted without files or headers.

    Args:
        all_trials: For all trials.
        live: For the last population, tensor by tensor.
        live_files: For the last population, where a file is kept while one of its tensors is needed.
    """

    all_trials: float
    live: float
    live_files: float


def count(weights: Sequence[Weights], sizes: Sequence[int], *, population_size: int) -> Counted:
    """Count for blocks and head of these sizes."""
    origins = [each.origins for each in weights]
    total = sum(sizes)
    written = [
        sum(size for size, origin in zip(sizes, row, strict=True) if origin == number)
        for number, row in enumerate(origins)
    ]
    live = origins[-population_size:]
    needed = {(origin, block) for row in live for block, origin in enumerate(row)}
    return Counted(
        all_trials=total * len(origins) / sum(written),
        live=total * len(live) / sum(sizes[block] for _, block in needed),
        live_files=total * len(live) / sum(written[origin] for origin in {origin for origin, _ in needed}),
    )
