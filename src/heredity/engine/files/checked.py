"""Models that a file's values are checked against: strict, with faults in the words of the file's author."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from heredity.engine.files.signatures import Misplaced, Place, advice
from heredity.engine.files.yaml_source import YamlSource
from heredity.errors import ConfigError, InputError


class _UnknownKeyError(ValueError):
    """Carries the key through pydantic, which knows only where the mapping stands."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Strict(BaseModel):
    """No unknown keys, no conversion between types; an unknown key is told its nearest neighbour."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_keys(cls, value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in value if isinstance(value, Mapping) else ():
            if key not in known:
                raise _UnknownKeyError(key, f"unknown key {key!r}; {advice(key, known)}")
        return value


def _fraction(value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Number = Annotated[float, BeforeValidator(_fraction)]
"""A float; an integer is accepted."""

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], value: object, *, source: YamlSource, place: Place = ()) -> M:
    """Check a value of a file against a model.

    Raises:
        ConfigError: It does not fit; a line for each fault.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = [_problem(source, place, details) for details in error.errors(include_url=False)]
        raise ConfigError("\n".join(problems)) from error


@contextmanager
def located(source: YamlSource, place: Place) -> Iterator[None]:
    """Put the file and the line in front of what is wrong."""
    try:
        yield
    except Misplaced as error:
        raise ConfigError(line_of_fault(source, error.place, error.message)) from error
    except InputError as error:
        where = f"{source.path}:{source.line_of(place)}"
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error


def line_of_fault(source: YamlSource, place: Place, message: str) -> str:
    """A fault with its file, its line and its key."""
    dotted = ".".join(str(part) for part in place)
    end = "" if message.endswith(("?", ".")) else "."
    return f"{source.path}:{source.line_of(place)}: {dotted}: {message}{end}"


_EXPECTATIONS = {
    "model_type": "expected a mapping, such as {}",
    "dict_type": "expected a mapping, such as {}",
    "string_type": "expected a text",
    "int_type": "expected an integer",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "too_short": "expected at least one entry",
}


def _problem(source: YamlSource, place: Place, details: Mapping[str, Any]) -> str:
    place = (*place, *details["loc"])
    error = details.get("ctx", {}).get("error")
    if isinstance(error, _UnknownKeyError):
        place = (*place, error.key)
    if isinstance(error, ValueError):  # one of ours: it says all
        message = str(error)
    elif details["type"] == "missing":
        message = "missing"
    else:
        message = f"{_expectation(details)}, got {details['input']!r:.60}"
    return line_of_fault(source, place, message)


def _expectation(details: Mapping[str, Any]) -> str:
    """What was expected, in the words of a file's author instead of pydantic's."""
    known = _EXPECTATIONS.get(details["type"])
    return known if known is not None else str(details["msg"]).replace("Input should be", "expected")
