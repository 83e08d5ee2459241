"""What an annotation lets a file say, in the words of a file's author."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo


def words(hint: Any) -> str:  # noqa: ANN401  # an annotation is whatever its author wrote
    """What an annotation lets a file say, in the words of a file's author."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(words(part) for part in parts if part is not type(None)))
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin is typing.Annotated:
        return words(parts[0]) + bounds(bound for part in parts[1:] for bound in _unpacked(part))
    if isinstance(origin, type) and issubclass(origin, Collection):
        return _of_collection(origin, [part for part in parts if part is not ...])
    return _of_class(hint)


def _of_collection(kind: type, parts: Sequence[Any]) -> str:
    if not issubclass(kind, Mapping):
        return f"a list of {_many(parts[0])}" + (f", {len(parts)} of them" if len(parts) > 1 else "")
    if words(parts[1]).count(" or ") > 3:  # any plain value, which may contain such values
        return "a mapping of names to values"
    return f"a mapping of {_many(parts[0])} to {_many(parts[1])}"


_PLAIN: Mapping[object, str] = {
    Any: "anything",
    bool: "`true` or `false`",
    int: "an integer",
    float: "a number",
    str: "a text",
    type(None): "nothing",
}


def _of_class(hint: Any) -> str:  # noqa: ANN401  # an annotation
    if get_origin(hint) is Callable or (callable(hint) and getattr(hint, "__name__", "") == "Sampler"):
        return "a strategy's kind, or a mapping with a `kind`"
    if isinstance(hint, typing.ForwardRef):  # Json, which contains itself
        return "anything"
    name = getattr(hint, "__name__", str(hint))
    if name in {"Strategy", "Stopper"}:
        return f"a {name.lower()}: its kind, or a mapping with a `kind`"
    if name == "Path":
        return "a directory"
    keys = ", ".join(f"`{each}`" for each in inspect.signature(hint).parameters)
    return f"a mapping of {keys}"


def _many(hint: Any) -> str:  # noqa: ANN401  # an annotation
    text = words(hint)
    if text == "anything":
        return "values"
    return re.sub(r"^an? (integer|number|text|mapping|stopper|list)(:.*)?", r"\1s", text)


def _unpacked(part: object) -> Iterable[object]:
    return part.metadata if isinstance(part, FieldInfo) else [part]


def bounds(metadata: Iterable[object]) -> str:
    """What else a value has to keep to, to be written behind what it may be; empty for nothing."""
    found = []
    for bound in metadata:
        match bound:
            case Ge(ge=low):
                found.append(f"at least {low}")
            case Gt(gt=low):
                found.append(f"more than {low}")
            case Le(le=high):
                found.append(f"at most {high}")
            case Lt(lt=high):
                found.append(f"less than {high}")
            case MinLen(min_length=number):
                found.append(f"at least {number} of them")
    return f", {', '.join(found)}" if found else ""
