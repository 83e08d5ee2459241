"""What the index answers is what a walk over everything would find."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heredity.errors import InputError
from heredity.ids import CheckpointKey
from heredity.store import Lineage
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.index import Match, Order, Sizes, View

KEYS = ["a", "a/b", "a/bc", "b/a", "b/a/b", "é", "b.c", "ghost"]
ENTRIES: Mapping[str, list[Any]] = {
    "n": [0, 1, 1.0, 1.5, True, None, "1"],
    "m": ["x", [1], {"x": 1}],
    "é": [False],
}
NAMES = [digit * 16 for digit in "0123f"]
SHARED_SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}

PRINTS = st.builds(
    Fingerprints,
    st.sampled_from(["a" * 16, "b" * 16]),
    st.lists(st.sampled_from(NAMES), max_size=5).map(tuple),
)


@dataclass
class Known:
    """One checkpoint of the model."""

    lineage: Lineage
    prints: Fingerprints | None
    own: int
    takes: Sequence[str]
    file_bytes: int
    is_live: bool = True
    has_file: bool = True


class Walk:
    """The same store in plain dicts, walked over from end to end for each question."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    def live(self, prefix: str = "") -> list[Lineage]:
        found = [c.lineage for c in self.known.values() if c.is_live and c.lineage.key.startswith(prefix)]
        return sorted(found, key=lambda lineage: (lineage.created, lineage.key))

    def parents(self, key: str) -> list[str]:
        return list(self.known[key].lineage.parents) if key in self.known else []

    def children(self, key: str) -> list[str]:
        found = [c.lineage for c in self.known.values() if key in c.lineage.parents]
        return [lineage.key for lineage in sorted(found, key=lambda each: (each.created, each.key))]

    def nearest_first(self, key: str, neighbours: Callable[[str], list[str]]) -> list[str]:
        found, level = {key: 0}, [key]
        while level:
            level = [near for each in level for near in neighbours(each) if near not in found]
            level = list(dict.fromkeys(level))
            found |= dict.fromkeys(level, 0)
        return [each for each in found if each != key and each in self.known and self.known[each].is_live]

    def ranked(self, lineages: list[Lineage], order: Order) -> list[Lineage]:
        def rank(lineage: Lineage) -> tuple[bool, float, float, str]:
            sign = -1 if order == "highest" else 1
            score = lineage.score
            return score is None, sign * (score or 0), -lineage.created.timestamp(), lineage.key

        return sorted(lineages, key=rank)

    def best(
        self, where: Mapping[str, Any], prefix: str, above: str | None, order: Order, limit: int
    ) -> list[Lineage]:
        found = [each for each in self.live(prefix) if each.score is not None]
        found = [each for each in found if all(has(each.metadata, *entry) for entry in where.items())]
        if above is not None:
            below = self.nearest_first(above, self.children)
            found = [each for each in found if each.key in below]
        return self.ranked(found, order)[:limit]

    def find(self, asked: Fingerprints, limit: int, order: Order) -> list[Match]:
        found: dict[CheckpointKey, Match] = {}
        # An outline is no layer, so that one text can stand for both.
        for name in [*reversed(dict.fromkeys(asked.layers)), asked.outline]:
            for lineage in self.ranked(self.live(), order):
                has = self.known[lineage.key].prints
                if has is not None and name in {has.outline, *has.layers}:
                    num_shared = sum(layer in has.layers for layer in asked.layers)
                    match = Match(lineage, num_shared, has_same_outline=has.outline == asked.outline)
                    found.setdefault(lineage.key, match)
        return list(found.values())[:limit]

    def sizes(self) -> dict[str, Sizes]:
        live = {key: each for key, each in self.known.items() if each.is_live}
        found = {}
        for key, each in live.items():
            of_others = {owner: self.known[owner].own for owner in each.takes}
            needed = {owner for other in live if other != key for owner in (other, *live[other].takes)}
            freed = {key, *each.takes} - needed
            found[key] = Sizes(
                sum(of_others.values()) + each.own,
                each.own,
                sum(of_others.values()),
                sum(self.known[owner].file_bytes for owner in freed if self.known[owner].has_file),
            )
        return found


def has(metadata: Mapping[str, Any], name: str, value: Any) -> bool:
    return (
        name in metadata
        and metadata[name] == value
        and isinstance(metadata[name], bool) == isinstance(value, bool)
    )


def put(site: Any, walk: Walk, data: st.DataObject, key: str) -> None:
    own = data.draw(st.sampled_from([0, 7, 8]))
    # Those with a tensor of their own, all of which have different ones.
    givers = [other for other in walk.known if walk.known[other].own and walk.known[other].has_file]
    facts: dict[str, Any] = {
        "parents": data.draw(
            st.lists(st.sampled_from([k for k in KEYS if k != key]), unique=True, max_size=3)
        ),
        "score": data.draw(st.sampled_from([None, -1.5, 0.0, 2.0])),
        "created": data.draw(st.integers(0, 2)),
        "metadata": {
            name: data.draw(st.sampled_from(values))
            for name, values in ENTRIES.items()
            if data.draw(st.booleans())
        },
        "prints": data.draw(st.none() | PRINTS),
        "own": own,
        "takes": data.draw(st.lists(st.sampled_from(givers), unique=True)) if givers else [],
    }
    site.put(key, **{**facts, "takes": []}) if not facts["takes"] else put_with(site, walk, key, facts)
    lineage = site.entries[key].lineage
    walk.known[key] = Known(lineage, facts["prints"], own, facts["takes"], site.file_bytes(key))


def put_with(site: Any, walk: Walk, key: str, facts: dict[str, Any]) -> None:
    """Only what lies in an owner's own file is taken from it."""
    everything = dict(site.entries)
    for owner in facts["takes"]:
        manifest = site.entries[owner]
        own = {name: entry for name, entry in manifest.tensors.items() if entry.owner == owner}
        site.entries[owner] = type(manifest)(manifest.lineage, None, own, None)
    site.put(key, **facts)
    site.entries = {**everything, key: site.entries[key]}


def act(site: Any, walk: Walk, data: st.DataObject) -> None:
    """One thing that happens to a store."""
    absent = [key for key in KEYS[:-1] if key not in walk.known]
    live = [key for key, each in walk.known.items() if each.is_live]
    buried = [key for key, each in walk.known.items() if not each.is_live and each.has_file]
    choices = [("put", absent)] * 4 + [("drop", live), ("collect", buried), ("look", ["now"])]
    what, keys = data.draw(st.sampled_from([choice for choice in choices if choice[1]]))
    key = data.draw(st.sampled_from(keys))
    if what == "put":
        put(site, walk, data, key)
    elif what == "drop":
        site.drop(key)
        walk.known[key].is_live = False
    elif what == "collect":
        site.collect(key)
        walk.known[key].has_file = False
    else:
        site.index.look()


@pytest.fixture
def lived(new_site: Callable[[], Any]) -> Callable[[st.DataObject], tuple[View, Walk]]:
    """Makes a store to which something has happened, and the model of it."""

    def live(data: st.DataObject) -> tuple[View, Walk]:
        site, walk = new_site(), Walk()
        for _ in range(data.draw(st.integers(1, 14))):
            act(site, walk, data)
        return site.index.look(), walk

    return live


Lived = Callable[[st.DataObject], tuple[View, Walk]]


@given(data=st.data())
@settings(max_examples=60, **SHARED_SETTINGS)  # type: ignore[arg-type]
def test_lineage_is_what_a_walk_finds(lived: Lived, data: st.DataObject) -> None:
    view, walk = lived(data)
    for prefix in ["", "a", "a/", "a/b", "b/a", "x"]:
        assert view.checkpoints(prefix) == walk.live(prefix)
    for key in map(CheckpointKey, KEYS):
        assert [each.key for each in view.ancestors(key)] == walk.nearest_first(key, walk.parents)
        assert [each.key for each in view.descendants(key)] == walk.nearest_first(key, walk.children)


@given(data=st.data(), order=st.sampled_from(["highest", "lowest"]), limit=st.integers(1, 8))
@settings(max_examples=60, **SHARED_SETTINGS)  # type: ignore[arg-type]
def test_the_best_are_what_a_walk_finds(
    lived: Lived, data: st.DataObject, order: Order, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that a few checkpoints are many, and the tables are walked through in the order of the scores.
    monkeypatch.setattr("heredity.store.index.ranking._FEW", data.draw(st.sampled_from([1, 1000])))
    view, walk = lived(data)
    for _ in range(5):
        names = data.draw(st.sets(st.sampled_from(["n", "é"])))
        where = {name: data.draw(st.sampled_from(ENTRIES[name])) for name in names}
        prefix = data.draw(st.sampled_from(["", "a", "a/", "a/b", "b/a/"]))
        above = data.draw(st.none() | st.sampled_from(KEYS).map(CheckpointKey))
        found = view.best(where, prefix=prefix, descendants_of=above, order=order, limit=limit)
        assert found == walk.best(where, prefix, above, order, limit)


@given(data=st.data(), asked=PRINTS, order=st.sampled_from(["highest", "lowest"]), limit=st.integers(1, 8))
@settings(max_examples=60, **SHARED_SETTINGS)  # type: ignore[arg-type]
def test_relatives_are_what_a_walk_finds(
    lived: Lived, data: st.DataObject, asked: Fingerprints, order: Order, limit: int
) -> None:
    view, walk = lived(data)
    assert view.find(asked, order=order, limit=limit) == walk.find(asked, limit, order)


@given(data=st.data())
@settings(max_examples=60, **SHARED_SETTINGS)  # type: ignore[arg-type]
def test_sizes_are_what_a_walk_finds(lived: Lived, data: st.DataObject) -> None:
    view, walk = lived(data)
    assert view.sizes() == walk.sizes()


@pytest.mark.parametrize(
    "arguments",
    [
        *({"where": {"n": value}} for value in ([1], float("nan"), "\ud800")),
        *({"order": "best"}, {"limit": 0}, {"limit": 10**9}, {"prefix": "\ud800"}),
    ],
)
def test_what_cannot_be_asked_is_refused(site: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        site.index.look().best(**arguments)


def test_a_cycle_of_parents_ends(site: Any) -> None:
    """No store makes one, but files may come from anywhere."""
    for key, parent in {"a": "c", "b": "a", "c": "b"}.items():
        site.put(key, parents=[parent])
    assert [each.key for each in site.index.look().ancestors(CheckpointKey("a"))] == ["c", "b"]
    assert [each.key for each in site.index.look().descendants(CheckpointKey("a"))] == ["b", "c"]
