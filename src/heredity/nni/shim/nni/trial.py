"""What a trial program calls: its hyperparameters, its ids, and its results.

A result may be any JSON. It goes into a file of the trial's, for the tuner, and is on disk when the call
returns. Where it is a number, or has one under ``default``, it goes to the worker too, as a report or
as the score.
"""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any

STANDALONE = "STANDALONE"
"""The ids outside of any experiment."""


class _Attempt:
    """What this process knows of its trial."""

    def __init__(self) -> None:
        self.order: dict[str, Any] | None = None
        self.parameters: Any = None
        self.num_intermediate = 0
        self.num_final = 0

    def read(self) -> dict[str, Any] | None:
        """The trial as the worker has written it down; None outside of any."""
        path = os.environ.get("HEREDITY_TRIAL")
        if self.order is None and path:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123
                self.order = json.load(file)
        return self.order


_attempt = _Attempt()


def get_next_parameter() -> Any:  # noqa: ANN401  # whatever the tuner made
    """The trial's hyperparameters; an empty dictionary outside of any experiment."""
    order = _attempt.read()
    if order is None:
        _attempt.parameters = {}
        return _attempt.parameters
    parameters = order["parameters"]
    if order["info"].get("is_wrapped"):
        parameters = parameters["parameters"]
    elif order.get("max_steps") is not None:
        parameters = {"TRIAL_BUDGET": order["max_steps"], **parameters}  # what NNI's Hyperband adds
    if "HEREDITY_NNI_SAVE" in os.environ:  # what NNI's PBTTuner adds
        parameters = {
            **parameters,
            "load_checkpoint_dir": os.environ["HEREDITY_NNI_LOAD"],
            "save_checkpoint_dir": os.environ["HEREDITY_NNI_SAVE"],
        }
    _attempt.parameters = parameters
    return parameters


def get_current_parameter(tag: str | None = None) -> Any:  # noqa: ANN401
    """The hyperparameters that were fetched, or the one of this name."""
    if _attempt.parameters is None or tag is None:
        return _attempt.parameters
    return _attempt.parameters[tag]


def get_experiment_id() -> str:
    """A name that no other run has, of this experiment file or of another."""
    order = _attempt.read()
    return STANDALONE if order is None else os.environ.get("NNI_EXP_ID", str(order["experiment"]))


def get_trial_id() -> str:
    """The trial's name."""
    order = _attempt.read()
    return STANDALONE if order is None else str(order["trial"])


def get_sequence_id() -> int:
    """Which trial of the experiment it is, from 0."""
    return int(os.environ.get("NNI_TRIAL_SEQ_ID", "0"))


def report_intermediate_result(metric: Any) -> None:  # noqa: ANN401
    """Report a result on the way; ends the program if the trial is not worth going on with."""
    _write("PERIODICAL", _attempt.num_intermediate, metric)
    _attempt.num_intermediate += 1
    number = _number(metric)
    if number is not None:
        answer = _send(
            {"event": "TrialReported", "value": number, "metrics": _others(metric)}, is_answered=True
        )
        if answer.strip() == b"stop":
            sys.exit(0)


def report_final_result(metric: Any) -> None:  # noqa: ANN401
    """Report what the trial has come to. The tuner gets each; the first one is the score."""
    assert _attempt.parameters is not None or _attempt.read() is None, (  # noqa: S101  # as NNI does
        "nni.get_next_parameter() needs to be called before report_final_result"
    )
    _write("FINAL", _attempt.num_final, metric)
    _attempt.num_final += 1
    number = _number(metric)
    if number is not None and _attempt.num_final == 1:
        _send({"event": "TrialCompleted", "score": number, "metrics": _others(metric)}, is_answered=False)


def _write(kind: str, sequence: int, metric: Any) -> None:  # noqa: ANN401
    line = json.dumps({"type": kind, "sequence": sequence, "value": metric}, default=_plain)
    folder = os.environ.get("NNI_OUTPUT_DIR")
    if _attempt.read() is None or not folder:
        print(f"nni, outside of any experiment: {line}", file=sys.stderr)  # noqa: T201
        return
    with open(os.path.join(folder, ".nni", "metrics"), "a", encoding="utf-8") as file:  # noqa: PTH118, PTH123
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def _send(event: dict[str, Any], *, is_answered: bool) -> bytes:
    try:
        channel = int(os.environ["HEREDITY_CHANNEL"])
        os.write(channel, json.dumps(event).encode() + b"\n")
        answer = b""
        while is_answered and not answer.endswith(b"\n"):
            byte = os.read(channel, 1)
            if not byte:
                break
            answer += byte
    except (KeyError, OSError) as error:
        # A process that the program has started itself: the tuner reads the file, the worker hears nothing.
        print(f"nni: no channel to the trial's worker ({error}); only the tuner gets this.", file=sys.stderr)  # noqa: T201
        return b""
    return answer


def _plain(value: Any) -> Any:  # noqa: ANN401  # arrays and scalars of numpy, tensors
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a result must have a JSON form, got {type(value).__name__}")


def _number(metric: Any) -> float | None:  # noqa: ANN401
    value = metric.get("default") if isinstance(metric, dict) else metric
    if isinstance(value, (dict, list, str, bool)) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _others(metric: Any) -> dict[str, float]:  # noqa: ANN401
    """The further numbers of a result."""
    if not isinstance(metric, dict):
        return {}
    numbers = {str(name): _number(value) for name, value in metric.items() if name != "default"}
    return {name: number for name, number in numbers.items() if number is not None}
