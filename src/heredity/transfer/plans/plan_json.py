"""Plans read back from JSON: whatever was stored is checked before it is carried out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from heredity.errors import CorruptData, UnsupportedFormat
from heredity.transfer.plans.certificate import Certificate, TensorVerdict, Verdict
from heredity.transfer.plans.plan import MEAN_ENTRY, AxisMap, How, Noise, Step, TransferPlan

if TYPE_CHECKING:
    from heredity.encoding import Json

FORMAT = 3

T = TypeVar("T", str, bool, int)
Member = TypeVar("Member", How, Verdict)


def plan_from_json(value: Json) -> TransferPlan:
    """Read a plan that `TransferPlan.to_json` wrote.

    Raises:
        UnsupportedFormat: A newer version wrote it.
        CorruptData: It is not a plan; the message says where.
    """
    fields = _object(value, where="plan")
    version = _plain(int, fields.get("format"), where="plan.format")
    if version > FORMAT:
        raise UnsupportedFormat(
            f"Plan: format {version}, this version reads up to {FORMAT}.",
            hint="Update heredity to read it.",
        )
    steps = tuple(
        _step(each, where=f"plan.steps[{i}]")
        for i, each in enumerate(_list(fields.get("steps"), where="plan.steps"))
    )
    certificate = _certificate(_object(fields.get("certificate"), where="plan.certificate"))
    if {step.tensor for step in steps} != set(certificate.tensors):
        raise CorruptData("plan: the certificate is not about the tensors of the steps.")
    return TransferPlan(steps, certificate)


def _step(value: Json, *, where: str) -> Step:
    fields = _object(value, where=where)
    how = _member(How, fields.get("how"), where=f"{where}.how")
    step = Step(
        tensor=_plain(str, fields.get("tensor"), where=f"{where}.tensor"),
        shape=_shape(fields.get("shape"), where=f"{where}.shape"),
        how=how,
        source=_plain(str, fields.get("source", ""), where=f"{where}.source"),
        source_shape=_shape(fields.get("source_shape", []), where=f"{where}.source_shape"),
        axes=tuple(_axis(axis, where=f"{where}.axes") for axis in _list(fields.get("axes", []), where=where)),
        value=_number(fields.get("value", 0.0), where=f"{where}.value"),
        noise=_noise(fields.get("noise"), where=f"{where}.noise"),
        is_parameter=_plain(bool, fields.get("is_parameter"), where=f"{where}.is_parameter"),
    )
    _check(step, where=where)
    return step


def _check(step: Step, *, where: str) -> None:
    """Check that a step can be carried out on tensors of its shapes."""
    if (step.how in {How.COPY, How.GATHER}) != bool(step.source):
        raise CorruptData(f"{where}: {step.how.value} from {step.source!r}.")
    if step.how is How.COPY and step.shape != step.source_shape:
        raise CorruptData(f"{where}: a copy from shape {step.source_shape} to {step.shape}.")
    if step.how is How.IDENTITY:
        _check_maps(step.axes, step.shape[:2], None, where=where)
    if step.how is not How.GATHER:
        return
    if not len(step.axes) == len(step.shape) == len(step.source_shape):
        raise CorruptData(f"{where}: {len(step.axes)} maps from {step.source_shape} to {step.shape}.")
    _check_maps(step.axes, step.shape, step.source_shape, where=where)
    if step.noise is not None and not 0 <= step.noise.axis < len(step.axes):
        raise CorruptData(f"{where}: noise along axis {step.noise.axis} of {len(step.axes)}.")


def _check_maps(
    axes: tuple[AxisMap, ...], shape: tuple[int, ...], source_shape: tuple[int, ...] | None, *, where: str
) -> None:
    """Check that maps lead from one shape to another; an identity has no shape to come from."""
    if len(axes) != len(shape):
        raise CorruptData(f"{where}: {len(axes)} maps for shape {shape}.")
    for axis, m, n in zip(axes, shape, source_shape or shape, strict=True):
        is_inside = all(MEAN_ENTRY <= index < n or source_shape is None for index in axis.sources)
        factors = [each for each in (axis.scales, axis.gradient_scales) if each is not None]
        if len(axis.sources) != m or not is_inside or any(len(each) != m for each in factors):
            raise CorruptData(f"{where}: a map does not lead from {n} entries to {m}.")


def _noise(value: Json, *, where: str) -> Noise | None:
    if value is None:
        return None
    fields = _object(value, where=where)
    return Noise(
        axis=_plain(int, fields.get("axis"), where=where),
        std=_number(fields.get("std"), where=where),
        seed=_plain(int, fields.get("seed"), where=where),
    )


def _axis(value: Json, *, where: str) -> AxisMap:
    fields = _object(value, where=where)
    sources: list[int] = []
    for run in _list(fields.get("sources"), where=where):
        numbers = [_plain(int, number, where=where) for number in _list(run, where=where)]
        # A length that no tensor has would fill the memory before the shapes are compared.
        if len(numbers) != 3 or not 0 < numbers[1] < 2**31 or numbers[2] not in {0, 1}:
            raise CorruptData(f"{where}: {numbers} is no run [first, count, step].")
        first, count, step = numbers
        sources += [first + step * i for i in range(count)]
    return AxisMap(
        tuple(sources),
        _factors(fields.get("scales"), where=where),
        _factors(fields.get("gradient_scales"), where=where),
    )


def _factors(value: Json, *, where: str) -> tuple[float, ...] | None:
    """Read runs [factor, count]; the first format had one number for each entry."""
    if value is None:
        return None
    found: list[float] = []
    for run in _list(value, where=where):
        if not isinstance(run, list | tuple):
            found.append(_number(run, where=where))
            continue
        if len(run) != 2 or not 0 < _plain(int, run[1], where=where) < 2**31:
            raise CorruptData(f"{where}: {run!r:.80} is no run [factor, count].")
        found += [_number(run[0], where=where)] * _plain(int, run[1], where=where)
    return tuple(found)


def _certificate(fields: Mapping[str, Json]) -> Certificate:
    where = "plan.certificate"
    tensors: dict[str, TensorVerdict] = {}
    for name, pair in _object(fields.get("tensors"), where=where).items():
        parts = _list(pair, where=f"{where}.{name}")
        if len(parts) != 2:
            raise CorruptData(f"{where}.{name}: expected a verdict and a reason, got {parts!r:.80}.")
        verdict = _member(Verdict, parts[0], where=f"{where}.{name}")
        tensors[name] = TensorVerdict(verdict, _plain(str, parts[1], where=f"{where}.{name}"))
    reasons = [
        _plain(str, fields.get(name), where=f"{where}.{name}") for name in ("reason", "training_reason")
    ]
    flags = [
        _plain(bool, fields.get(name), where=f"{where}.{name}")
        for name in ("is_exact", "is_exact_in_training")
    ]
    if flags != [not reason for reason in reasons] or flags == [False, True]:
        raise CorruptData(f"{where}: it contradicts itself.")
    coverage = _number(fields.get("coverage"), where=f"{where}.coverage")
    return Certificate(
        tensors,
        is_exact=flags[0],
        is_exact_in_training=flags[1],
        reason=reasons[0],
        training_reason=reasons[1],
        coverage=coverage,
    )


def _object(value: Json, *, where: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise CorruptData(f"{where}: expected an object, got {value!r:.80}.")
    return value


def _list(value: Json, *, where: str) -> Sequence[Json]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise CorruptData(f"{where}: expected a list, got {value!r:.80}.")
    return value


def _plain(kind: type[T], value: Json, *, where: str) -> T:
    # True is an int to Python, and not to us.
    if not isinstance(value, kind) or type(value) is not kind:
        raise CorruptData(f"{where}: expected {kind.__name__}, got {value!r:.80}.")
    return value


def _number(value: Json, *, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CorruptData(f"{where}: expected a number, got {value!r:.80}.")
    return float(value)


def _shape(value: Json, *, where: str) -> tuple[int, ...]:
    return tuple(_plain(int, size, where=where) for size in _list(value, where=where))


def _member(kind: type[Member], value: Json, *, where: str) -> Member:
    text = _plain(str, value, where=where)
    if text not in set(kind):
        raise CorruptData(f"{where}: {text!r} is none of {', '.join(kind)}.")
    return kind(text)
