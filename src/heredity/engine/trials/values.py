"""What a trial function hands over: hyperparameters, numbers, and what it returns at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from heredity.encoding import Json, decode, encode
from heredity.errors import InputError, InvalidReport


@dataclass(frozen=True, slots=True)
class Ending:
    """What a trial function has returned: its score, and whatever else it measured."""

    score: float | None
    metrics: Mapping[str, Json] = field(default_factory=dict)


def plain_parameters(parameters: Mapping[str, Json]) -> Mapping[str, Json]:
    """The hyperparameters as JSON carries them, so that every executor hands over the same values.

    Raises:
        InputError: A value has no JSON form.
    """
    return plain_mapping(parameters, what="hyperparameters")


def plain_mapping(values: Mapping[str, Json], *, what: str) -> Mapping[str, Json]:
    """A mapping as JSON carries it.

    Raises:
        InputError: A value has no JSON form.
    """
    try:
        value = decode(encode(values))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{what} {values!r}: {error}.",
            hint="Use numbers, texts, truth values, lists and objects.",
        ) from error
    if not isinstance(value, Mapping):
        raise InputError(f"{what} {values!r}: expected a mapping.")
    return value


def finite_number(value: object, *, what: str) -> float:
    """A number, also where it is a 0-d tensor or a numpy scalar.

    Raises:
        InvalidReport: It is something else, or not finite.
    """
    try:
        number = float(value)  # type: ignore[arg-type]  # what has no float() is refused below
    except (TypeError, ValueError) as error:
        raise InvalidReport(
            f"{what}: expected a number, got {type(value).__name__} {value!r:.80}."
        ) from error
    if not math.isfinite(number) or isinstance(value, str):
        raise InvalidReport(f"{what}: expected a finite number, got {value!r}.")
    return number


def measured(metrics: Mapping[str, object], *, what: str) -> dict[str, Json]:
    """Further values by their names.

    Raises:
        InvalidReport: One is no finite number.
    """
    return {str(name): finite_number(value, what=f"{what}, {name}") for name, value in metrics.items()}


def ending_of(returned: object, *, what: str, objective: str, further: Sequence[str], last: Ending) -> Ending:
    """Read what a trial function returned.

    Args:
        returned: None, a number, or a mapping from names to numbers.
        what: Whose it is, for messages.
        objective: What the score is called in a mapping.
        further: The names of the further objectives, which must be there.
        last: The last report, which stands for None.

    Raises:
        InvalidReport: It is none of these, a number is not finite, or an objective is missing.
    """
    if returned is None:
        ending = last
    elif isinstance(returned, Mapping):
        values = measured(returned, what=what)
        if objective not in values:
            raise InvalidReport(
                f"{what}: expected a value for {objective!r}, got {', '.join(values) or '{}'}."
            )
        score = finite_number(values.pop(objective), what=what)
        ending = Ending(score, values)
    else:
        ending = Ending(finite_number(returned, what=what))
    missing = [name for name in further if name not in ending.metrics]
    if missing and ending.score is not None:
        raise InvalidReport(
            f"{what}: expected a value for the objective {missing[0]!r}, got none.",
            hint=f"Return a mapping, such as {{{objective!r}: ..., {missing[0]!r}: ...}}.",
        )
    return ending
