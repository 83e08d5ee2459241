"""What tuners import from `nni.utils`: reading rewards out of results, and a few small kinds."""

from __future__ import annotations

from enum import Enum, unique
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


def merge_parameter(base_params: Any, override_params: dict[str, Any]) -> Any:  # noqa: ANN401
    """Put hyperparameters into the arguments of a command line, or into a dictionary.

    Raises:
        ValueError: There is no argument of a name.
    """
    given = base_params if isinstance(base_params, dict) else vars(base_params)
    for name, value in override_params.items():
        if name not in given:
            raise ValueError(f"Key '{name}' not found in base parameters.")
        given[name] = value
    return base_params
