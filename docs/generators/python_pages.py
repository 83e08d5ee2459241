"""The reference of the Python names: a page for each room, its names in a table, then their docstrings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from docs.generators.public_names import PublicName, public_names

# Each page's title and its doors, the modules from which programs import.
PAGES: Mapping[str, tuple[str, Sequence[str]]] = {
    "heredity": ("The package", ["heredity"]),
    "store": ("Stores", ["heredity.store", "heredity.store.exchange", "heredity.checkpoints"]),
    "inheritance": (
        "Inheritance",
        [
            "heredity.inheritance",
            "heredity.transfer",
            "heredity.transfer.state",
            "heredity.transfer.shrinking",
        ],
    ),
    "strategies": (
        "Strategies and stoppers",
        ["heredity.strategies", "heredity.strategies.finalists", "heredity.strategies.supernet_search"],
    ),
    "space": ("Spaces", ["heredity.space"]),
    "experiment": (
        "Experiments and their results",
        ["heredity.experiment", "heredity.engine.function", "heredity.mirrors", "heredity.doctor"],
    ),
    "oneshot": (
        "One-shot search",
        [
            *("heredity.oneshot", "heredity.oneshot.sampled", "heredity.oneshot.deriving"),
            *("heredity.oneshot.differentiable", "heredity.oneshot.differentiable.pictures"),
            "heredity.oneshot.spaces",
        ],
    ),
    "integrations": (
        "Inside other tools",
        [
            *("heredity.integrations", "heredity.integrations.optuna", "heredity.integrations.ray_tune"),
            *("heredity.integrations.lightning", "heredity.integrations.transformers"),
            *("heredity.integrations.jax", "heredity.integrations.keras", "heredity.integrations.syne_tune"),
        ],
    ),
    "testing": (
        "Suites for what you write yourself",
        [
            *("heredity.testing.backend_suite", "heredity.testing.strategy_suite"),
            *("heredity.testing.stopper_suite", "heredity.testing.executor_suite"),
            *("heredity.testing.faults", "heredity.testing.architectures"),
        ],
    ),
    "errors": ("Errors", ["heredity.errors"]),
}
DOORS = [door for _, doors in PAGES.values() for door in doors]

WRITTEN_BY = "<!-- Written by `make reference`; change the docstrings instead. -->"

_DIRECTIVES = {"class": "autoclass", "function": "autofunction"}


def python_pages() -> dict[str, str]:
    """The pages by their file names."""
    shown: set[tuple[str, str]] = set()
    return {
        f"{page}.md": _page(title, [(door, _news(door, shown)) for door in doors])
        for page, (title, doors) in PAGES.items()
    }


def _news(door: str, shown: set[tuple[str, str]]) -> list[PublicName]:
    """The door's names that no door before it has."""
    names = [name for name in public_names(door) if (name.home, name.name) not in shown]
    shown |= {(name.home, name.name) for name in names}
    return names


def _page(title: str, doors: Sequence[tuple[str, list[PublicName]]]) -> str:
    parts = [WRITTEN_BY, f"# {title}"]
    for door, names in doors:
        parts += [f"## `{door}`", _table(names)]
        parts += [_directive(door, name) for name in names if name.kind != "module"]
    return "\n\n".join(parts) + "\n"


def _table(names: Sequence[PublicName]) -> str:
    rows = [f"| {_linked(name)} | {_in_a_cell(name.summary)} |" for name in names]
    return "\n".join(["| Name | |", "|---|---|", *rows])


def _linked(name: PublicName) -> str:
    page = name.home.removeprefix("heredity.")
    return f"[`{name.name}`]({page}.md)" if name.kind == "module" and page in PAGES else f"`{name.name}`"


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")


def _directive(door: str, name: PublicName) -> str:
    if name.kind == "data":  # whose docstring Python itself does not keep
        text = f".. py:data:: {door}.{name.name}\n\n   {name.summary}\n"
    else:
        members = "   :members:\n" if name.kind == "class" else ""
        text = f".. {_DIRECTIVES[name.kind]}:: {door}.{name.name}\n{members}"
    return f"```{{eval-rst}}\n{text}```"
