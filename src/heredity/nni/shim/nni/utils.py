"""What tuners import from `nni.utils`: reading rewards out of results, and a few small kinds."""

from __future__ import annotations

import copy
import importlib
from enum import Enum, unique
from pathlib import Path
from typing import Any

# Results and hyperparameters are whatever JSON can carry.


@unique
class OptimizeMode(Enum):
    """Whether more is better."""

    Minimize = "minimize"
    Maximize = "maximize"


class NodeType:
    """The keys of a search space file."""

    ROOT = "root"
    TYPE = "_type"
    VALUE = "_value"
    INDEX = "_index"
    NAME = "_name"


class MetricType:
    """The kinds of results."""

    PERIODICAL = "PERIODICAL"
    FINAL = "FINAL"
    REQUEST_PARAMETER = "REQUEST_PARAMETER"


def extract_scalar_reward(value: Any, scalar_key: str = "default") -> float:  # noqa: ANN401
    """Take the number out of a result: the result itself, or what it has under ``default``.

    Raises:
        RuntimeError: It is neither.
    """
    if isinstance(value, (int, float)):  # for older Pythons
        return value
    if isinstance(value, dict) and isinstance(value.get(scalar_key), (int, float)):
        reward: float = value[scalar_key]
        return reward
    raise RuntimeError(
        f"Incorrect final result: the final result should be float/int, or a dict which has a key named "
        f'"{scalar_key}" whose value is float/int; got {value!r}.'
    )


def extract_scalar_history(trial_history: list[Any], scalar_key: str = "default") -> list[float]:
    """Take the numbers out of several results."""
    return [extract_scalar_reward(value, scalar_key) for value in trial_history]


def convert_dict2tuple(value: Any) -> Any:  # noqa: ANN401
    """Turn mappings into sorted tuples, all the way down, so that they can be hashed; in place."""
    if not isinstance(value, dict):
        return value
    for key in value:
        value[key] = convert_dict2tuple(value[key])
    return tuple(sorted(value.items()))


def split_index(params: Any) -> Any:  # noqa: ANN401
    """Take the values out of ``{"_index": ..., "_value": ...}``, all the way down."""
    if not isinstance(params, dict):
        return params
    if NodeType.INDEX in params:
        return split_index(params[NodeType.VALUE])
    return {key: split_index(value) for key, value in params.items()}


def json2space(x: Any, oldy: Any = None, name: str = NodeType.ROOT) -> list[str]:  # noqa: ANN401
    """List the names of what a search space file draws, as ``root[rate]-uniform``; those below come first."""
    if isinstance(x, list):
        return [found for i, part in enumerate(x) for found in _named(json2space, part, oldy, i, name)]
    if not isinstance(x, dict):
        return []
    if NodeType.TYPE not in x:
        return [found for key in x for found in json2space(x[key], oldy and oldy[key], f"{name}[{key}]")]
    kind, value = x[NodeType.TYPE], x[NodeType.VALUE]
    name = f"{name}-{kind}"
    below: list[str] = []
    if kind == "choice" and oldy is not None:
        index = oldy[NodeType.INDEX]
        below = json2space(value[index], oldy[NodeType.VALUE], f"{name}[{index}]")
    elif kind == "choice":
        below = json2space(value, None, name)
    return [*below, name]


def json2parameter(
    x: Any,  # noqa: ANN401
    is_rand: Any,  # noqa: ANN401
    random_state: Any,  # noqa: ANN401
    oldy: Any = None,  # noqa: ANN401
    Rand: bool = False,  # noqa: FBT001, FBT002, N803  # NNI's own name
    name: str = NodeType.ROOT,
) -> Any:  # noqa: ANN401
    """Draw what `is_rand` says of a search space file, by the names of `json2space`; the rest is `oldy`'s.

    A choice becomes ``{"_index": ..., "_value": ...}``, which `split_index` undoes.
    """

    def drawn(part: Any, old: Any, name: str) -> Any:  # noqa: ANN401
        return json2parameter(part, is_rand, random_state, old, Rand, name)

    if isinstance(x, list):
        return [_named(drawn, part, oldy, i, name) for i, part in enumerate(x)]
    if not isinstance(x, dict):
        return copy.deepcopy(x)
    if NodeType.TYPE not in x:
        return {key: drawn(x[key], oldy and oldy[key], f"{name}[{key}]") for key in x}
    kind, value = x[NodeType.TYPE], x[NodeType.VALUE]
    name = f"{name}-{kind}"
    if not (Rand or is_rand[name]):
        return copy.deepcopy(oldy)
    if kind != "choice":
        return getattr(importlib.import_module("nni.parameter_expressions"), kind)(*value, random_state)
    index = random_state.randint(len(value))
    chosen = json2parameter(value[index], is_rand, random_state, None, True, f"{name}[{index}]")  # noqa: FBT003
    return {NodeType.INDEX: index, NodeType.VALUE: chosen}


def _named(take: Any, part: Any, oldy: Any, index: int, name: str) -> Any:  # noqa: ANN401
    """What is made of one entry of a list; mappings there must have names."""
    if isinstance(part, dict) and NodeType.NAME not in part:
        raise RuntimeError("'_name' key is not found in this nested search space.")
    return take(part, oldy and oldy[index], f"{name}[{index}]")


def merge_parameter(base_params: Any, override_params: dict[str, Any] | None) -> Any:  # noqa: ANN401
    """Put hyperparameters into the arguments of a command line, or into a dictionary.

    Raises:
        ValueError: There is no argument of a name, or it is of another type.
    """
    given = base_params if isinstance(base_params, dict) else vars(base_params)
    for name, value in (override_params or {}).items():
        if name not in given:
            raise ValueError(f"Key '{name}' not found in base parameters.")
        given[name] = _like(name, given[name], value)
    return base_params


def _like(name: str, base: Any, value: Any) -> Any:  # noqa: ANN401
    if base is None or isinstance(value, type(base)):
        return value
    if isinstance(base, float) and isinstance(value, int):
        return float(value)
    raise ValueError(
        f'Expected "{name}" in override parameters to have type {type(base).__name__}, '
        f"but found {type(value).__name__}"
    )


class ClassArgsValidator:
    """What the validators of tuners derive from. Nothing here calls them: the class checks its arguments."""

    def validate_class_args(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Check the arguments of a class; to be written anew."""

    def choices(self, key: str, *args: Any) -> Any:  # noqa: ANN401
        """A schema for one of these values; needs the package `schema`, as in NNI."""
        return _schema().And(lambda n: n in args, error=f"{key} should be in [{args}]!")

    def range(self, key: str, keyType: type, start: Any, end: Any) -> Any:  # noqa: ANN401, N803
        """A schema for a number in a range."""
        of_type = _schema().And(keyType, error=f"{key} should be {keyType.__name__} type!")
        inside = _schema().And(
            lambda n: start <= n <= end, error=f"{key} should be in range of ({start}, {end})!"
        )
        return _schema().And(of_type, inside)

    def path(self, key: str) -> Any:  # noqa: ANN401
        """A schema for a path that exists."""
        text = _schema().And(str, error=f"{key} should be a string!")
        there = _schema().And(lambda p: Path(p).exists(), error=f"{key} path does not exist!")
        return _schema().And(text, there)


def _schema() -> Any:  # noqa: ANN401  # a module of the user's, loaded late
    return importlib.import_module("schema")
