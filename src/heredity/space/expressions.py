"""Conditions and constraints as texts, such as ``width * depth <= 512``: parsed, and never run as code."""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions.interfaces import Parameters, is_number

_MAX_LENGTH = 500
_MAX_DEPTH = 40
_MAX_POWER_BITS = 4096
"""A larger power is refused: ``9 ** 9 ** 9`` would take for ever."""

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_ORDER: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "round": round,
    "sqrt": math.sqrt,
}
_OF_MANY: dict[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "min": min,
    "prod": math.prod,
    "sum": sum,
}
_SPECIAL = ("each", "len", "value")
_NAMES_OF_FUNCTIONS = sorted([*_FUNCTIONS, *_OF_MANY, *_SPECIAL])
_ALLOWED = (
    *_ARITHMETIC,
    *_ORDER,
    *(ast.Constant, ast.Name, ast.Load, ast.List, ast.Tuple, ast.Subscript, ast.Call, ast.IfExp),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.In, ast.NotIn),  # codespell:ignore
)


class _Inactive(Exception):  # not an error: what was asked about is not in the point
    """A name without a value was read."""


class _Unfit(Exception):  # becomes a ConfigError, with the text in front
    """An operation does not fit its values."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A rule about a point as a text in Python's grammar, without attributes, lambdas and loops.

    It may use names of the space, numbers, texts, lists, ``+ - * / // % **``, comparisons, ``in``, ``and``,
    ``or``, ``not``, ``a if b else c``, ``blocks[0]["width"]``, and the functions ``abs``, ``ceil``, ``each``,
    ``exp``, ``floor``, ``len``, ``log``, ``log2``, ``log10``, ``max``, ``min``, ``prod``, ``round``,
    ``sqrt``, ``sum`` and ``value``. ``each(blocks, "width")`` lists the widths of all blocks.
    ``value("lr-1")`` is the value of a name that Python's grammar does not know.

    Example:
        >>> rule = Expression("width * depth <= 512")
        >>> rule.verdict({"width": 64, "depth": 16})
        False
        >>> print(rule.verdict({"width": 64}))
        None

    Attributes:
        text: The expression.
        names: The names of the space that it reads.
    """

    text: str
    names: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _tree: ast.expr = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        tree = _parsed(self.text)
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "names", tuple(dict.fromkeys(_names(tree))))

    def verdict(self, point: Parameters) -> bool | None:
        """Say whether it holds; None if that hangs on a name that is not in the point.

        Raises:
            ConfigError: An operation does not fit the values: a text plus a number, a division by zero.
        """
        try:
            return _truth(_evaluated(self._tree, point))
        except _Inactive:
            return None
        except (_Unfit, ArithmeticError, ValueError) as error:
            read = {name: point[name] for name in self.names if name in point}
            raise ConfigError(f"{self.text!r} has no value at {read!r:.200}: {error}.") from error

    def to_json(self) -> Json:
        """Give the text."""
        return self.text


def _parsed(text: str) -> ast.expr:
    if len(text) > _MAX_LENGTH:
        raise ConfigError(f"{text[:40]!r}…: expected at most {_MAX_LENGTH} letters, got {len(text)}.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(
            f"{text!r}: not an expression.", hint="Write it as `width * depth <= 512`."
        ) from error
    _check(tree, text, depth=0)
    return tree


def _check(node: ast.AST, text: str, *, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ConfigError(f"{text!r}: nested too deeply.")
    if isinstance(node, ast.Attribute):
        raise ConfigError(f"{text!r}: attributes are not allowed, got '.{node.attr}'.", hint=_hint_for(node))
    if not isinstance(node, _ALLOWED):
        raise ConfigError(
            f"{text!r}: {type(node).__name__} is not allowed here.",
            hint="Names, numbers, texts, lists, arithmetic, comparisons and functions are.",
        )
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str | None):
        raise ConfigError(f"{text!r}: expected numbers, texts, True, False or None, got {node.value!r}.")
    if isinstance(node, ast.Call):
        _check_call(node, text)
        parts: Sequence[ast.AST] = node.args
    else:
        parts = list(ast.iter_child_nodes(node))
    for part in parts:
        _check(part, text, depth=depth + 1)


def _hint_for(node: ast.Attribute) -> str:
    if isinstance(node.value, ast.Name):
        name, part = node.value.id, node.attr
        return f"""A name with a dot is written value("{name}.{part}"), a part {name}["{part}"]."""
    return 'A part is written blocks[0]["width"].'


def _check_call(node: ast.Call, text: str) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _NAMES_OF_FUNCTIONS:
        near = difflib.get_close_matches(name, _NAMES_OF_FUNCTIONS, n=1)
        hint = (
            f"Did you mean {near[0]!r}?" if near else f"The functions are {', '.join(_NAMES_OF_FUNCTIONS)}."
        )
        raise ConfigError(f"{text!r}: {name!r} is no function here.", hint=hint)
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise ConfigError(f"{text!r}: {name!r} takes plain arguments only.")
    num = len(node.args)
    if num != (2 if name == "each" else 1) and (num == 0 or name not in _OF_MANY):
        raise ConfigError(f"{text!r}: {name!r} does not take {num} arguments.")
    if name == "value" and not _is_text(node.args[0]):
        raise ConfigError(f"""{text!r}: expected a name in quotes, as in value("lr-1").""")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "value":
            return [str(ast.literal_eval(node.args[0]))]
        return [name for argument in node.args for name in _names(argument)]
    return [name for part in ast.iter_child_nodes(node) for name in _names(part)]


def _evaluated(node: ast.AST, point: Parameters) -> Json:
    return _WAYS[type(node)](node, point)


def _constant(node: ast.Constant, point: Parameters) -> Json:  # noqa: ARG001  # all ways take the point
    value: Json = node.value  # type: ignore[assignment]  # checked when it was parsed
    return value


def _name(node: ast.Name, point: Parameters) -> Json:
    return _read(node.id, point)


def _read(name: str, point: Parameters) -> Json:
    if name not in point:
        raise _Inactive
    return point[name]


def _list(node: ast.List | ast.Tuple, point: Parameters) -> Json:
    return [_evaluated(element, point) for element in node.elts]


def _part(node: ast.Subscript, point: Parameters) -> Json:
    whole, key = _evaluated(node.value, point), _evaluated(node.slice, point)
    if isinstance(whole, Mapping) and isinstance(key, str):
        if key not in whole:
            raise _Inactive
        return whole[key]
    if isinstance(whole, list | tuple) and isinstance(key, int):
        if not -len(whole) <= key < len(whole):
            raise _Inactive  # a block that is not there
        item: Json = whole[key]
        return item
    raise _Unfit(f"{whole!r} has no part {key!r}")


def _call(node: ast.Call, point: Parameters) -> Json:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    arguments = [_evaluated(argument, point) for argument in node.args]
    if name == "value":
        return _read(str(arguments[0]), point)
    if name == "len":
        if not isinstance(arguments[0], str | list | tuple | Mapping):
            raise _Unfit(f"{arguments[0]!r} has no length")
        return len(arguments[0])
    if name == "each":
        return _each(arguments)
    if name in _FUNCTIONS:
        return _FUNCTIONS[name](_number(arguments[0]))
    many = _items(arguments[0]) if len(arguments) == 1 else arguments
    return _of_many(name, [_number(item) for item in many])


def _of_many(name: str, items: Sequence[float]) -> float:
    if not items and name in {"max", "min"}:
        raise _Inactive  # the widest of no blocks
    return _OF_MANY[name](items)


def _each(arguments: Sequence[Json]) -> Json:
    items, key = _items(arguments[0]), arguments[1]
    if not isinstance(key, str):
        raise _Unfit(f"expected a name in quotes, got {key!r}")
    return [item[key] for item in items if isinstance(item, Mapping) and key in item]


def _items(value: Json) -> Sequence[Json]:
    if not isinstance(value, list | tuple):
        raise _Unfit(f"expected a list, got {value!r}")
    return value


def _number(value: Json) -> float:
    if not is_number(value):
        raise _Unfit(f"expected a number, got {value!r}")
    return value


def _truth(value: Json) -> bool:
    if not isinstance(value, bool):
        raise _Unfit(f"expected true or false, got {value!r}")
    return value


def _sign(node: ast.UnaryOp, point: Parameters) -> Json:
    value = _evaluated(node.operand, point)
    if isinstance(node.op, ast.Not):
        return not _truth(value)
    return -_number(value) if isinstance(node.op, ast.USub) else _number(value)


def _arithmetic(node: ast.BinOp, point: Parameters) -> Json:
    left, right = _number(_evaluated(node.left, point)), _number(_evaluated(node.right, point))
    is_power = isinstance(node.op, ast.Pow) and isinstance(left, int) and isinstance(right, int)
    if is_power and int(left).bit_length() * abs(right) > _MAX_POWER_BITS:
        raise _Unfit(f"{left} ** {right} is too large")
    result = _ARITHMETIC[type(node.op)](left, right)
    if not is_number(result) or not math.isfinite(result):
        raise _Unfit(f"expected a finite number, got {result!r}")
    return result


def _comparison(node: ast.Compare, point: Parameters) -> Json:
    left = _evaluated(node.left, point)
    for kind, operand in zip(node.ops, node.comparators, strict=True):
        right = _evaluated(operand, point)
        if not _compares(kind, left, right):
            return False
        left = right
    return True


def _compares(kind: ast.cmpop, left: Json, right: Json) -> bool:
    if isinstance(kind, ast.Eq | ast.NotEq):
        return _is_equal(left, right) == isinstance(kind, ast.Eq)
    if isinstance(kind, ast.In | ast.NotIn):  # codespell:ignore
        return any(_is_equal(left, item) for item in _items(right)) == isinstance(kind, ast.In)
    return _ORDER[type(kind)](_number(left), _number(right))


def _is_equal(left: Json, right: Json) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _choice(node: ast.IfExp, point: Parameters) -> Json:
    return _evaluated(node.body if _truth(_evaluated(node.test, point)) else node.orelse, point)


def _combination(node: ast.BoolOp, point: Parameters) -> Json:
    """Kleene's three truth values: an inactive part matters only where the others leave it open."""
    decisive, is_open = isinstance(node.op, ast.Or), False
    for part in node.values:
        try:
            if _truth(_evaluated(part, point)) == decisive:
                return decisive
        except _Inactive:
            is_open = True
    if is_open:
        raise _Inactive
    return not decisive


_WAYS: dict[type[ast.AST], Callable[..., Json]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Subscript: _part,
    ast.Call: _call,
    ast.UnaryOp: _sign,
    ast.BinOp: _arithmetic,
    ast.Compare: _comparison,
    ast.IfExp: _choice,
    ast.BoolOp: _combination,
}
