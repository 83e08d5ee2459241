"""The reference of the experiment file: every key, from what files are checked against."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from docs.generators.described import descriptions_of
from docs.generators.wording import bounds, words

from heredity.engine.files import experiment_file, given
from heredity.engine.files.checked import Strict
from heredity.mirrors import MIRRORS
from heredity.strategies.registry import STOPPERS, STRATEGIES, load

# Each model with the name of the place where its keys stand.
MODELS: Mapping[str, type[Strict]] = {
    "The top of the file": experiment_file._ExperimentFile,  # noqa: SLF001  # the file's own form
    "Below `resources`": experiment_file._Resources,  # noqa: SLF001
    "Below `strategy`, of kind `given`": given._Settings,  # noqa: SLF001
    "Below `strategy.trials.NAME`, of kind `given`": given._TrialEntry,  # noqa: SLF001
}
KINDS: Mapping[str, Mapping[str, str]] = {
    "strategy": STRATEGIES,
    "stopper": STOPPERS,
    "mirrors": MIRRORS,
}

# Where a model says `Any`, since its values are looked at elsewhere.
_ELSEWHERE = {
    "command": "a text, or a list of texts",
    "strategy": "a kind, or a mapping with a `kind`; see below",
    "stopper": "a kind, or a mapping with a `kind`; see below",
    "mirrors": "a list of kinds, or of mappings with a `kind`; see below",
    "space": "a mapping of names to [dimensions](../search-space.md)",
    "parameters": "a mapping of names to values",
}
# What the surroundings give, and a file does not.
_GIVEN = {"space"}

_HEAD = """\
<!-- Written by `make reference`; change the models in `src/heredity/engine/files` instead. -->

# Keys of the experiment file

Every key, what it may be, and its default. What the keys of the top mean is in
[The experiment file](../experiment-file.md); when to use which strategy in [Strategies](../strategies.md).
"""


def experiment_keys_page() -> str:
    """The page."""
    parts = [_HEAD]
    for title, model in MODELS.items():
        parts += [f"## {title}", "", *_table(_rows_of_model(model), described=False), ""]
    for key, kinds in KINDS.items():
        parts += [f"## Kinds of `{key}`", ""]
        for kind, place in kinds.items():
            target = load(place)
            parts += [f"### `{kind}`", "", _sentence(target), ""]
            rows = [*_rows_of_class(target)]
            parts += [*_table(rows, described=True), ""] if rows else []
    return "\n".join(parts)


def _table(rows: Iterable[tuple[str, ...]], *, described: bool) -> list[str]:
    head = [
        "| Key | May be | Default |" + (" |" if described else ""),
        "|---|---|---|" + ("---|" if described else ""),
    ]
    return [*head, *(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)]


def _rows_of_model(model: type[Strict]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        may_be = _ELSEWHERE.get(name) or words(field.annotation) + bounds(field.metadata)
        yield f"`{field.alias or name}`", may_be, _default(field.default, is_needed=field.is_required())


def _rows_of_class(target: type) -> Iterator[tuple[str, ...]]:
    hints = typing.get_type_hints(target.__init__)  # type: ignore[misc]  # of the class itself
    described = descriptions_of(target)
    for name, parameter in inspect.signature(target).parameters.items():
        if name in _GIVEN:
            continue
        is_needed = parameter.default is parameter.empty
        default = "the experiment's" if name == "seed" else _default(parameter.default, is_needed=is_needed)
        may_be = words(hints[name])
        if is_needed and type(None) in get_args(hints[name]):
            may_be += ", or `null`"
        yield f"`{name}`", may_be, default, described.get(name, "")


def _default(value: object, *, is_needed: bool) -> str:
    if is_needed:
        return "needed"
    if value is None or value in ([], {}, (), "") or isinstance(value, Strict):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, type):
        kinds = {place.partition(":")[2]: kind for kind, place in STRATEGIES.items()}
        return f"`{kinds.get(value.__name__, value.__name__)}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _sentence(target: type) -> str:
    text = inspect.getdoc(target) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")
