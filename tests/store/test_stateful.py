"""Whatever is done in whatever order, a store behaves as a dict does."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from heredity.errors import CheckpointNotFound, KeyTaken
from heredity.store import Store, open_store

KEYS = st.sampled_from(["a", "b/c", "b/d", ".e", "é"])
# Few values, so that contents meet; some above the size from which strangers share, some below.
TENSORS = st.dictionaries(
    st.sampled_from(["w", "b", "tied"]),
    st.builds(
        lambda value, size: np.full(size, value, dtype=np.float32),
        st.sampled_from([0.0, 1.0, np.nan]),
        st.sampled_from([(), (0,), (3,), (2000,)]),
    ),
)
Content = tuple[dict[str, bytes], tuple[str, ...], float | None, object]


class StoreAndDict(RuleBasedStateMachine):
    """Put, put again, load, list and reopen, against a dict."""

    url: str

    @initialize()
    def open(self) -> None:
        self.model: dict[str, Content] = {}
        self.url = self.new_url()
        self.store: Store = open_store(self.url)

    def new_url(self) -> str:
        return f"memory://{secrets.token_hex(8)}"

    @rule(
        key=KEYS,
        tensors=TENSORS,
        data=st.data(),
        score=st.none() | st.just(0.5),
        graph=st.none() | st.just({"n": 1}),
    )
    def put(
        self, key: str, tensors: dict[str, Any], data: st.DataObject, score: float | None, graph: Any
    ) -> None:
        others = sorted(set(self.model) - {key})
        parents = (
            tuple(data.draw(st.lists(st.sampled_from(others), unique=True, max_size=2))) if others else ()
        )
        content = ({name: array.tobytes() for name, array in tensors.items()}, parents, score, graph)
        if self.model.get(key, content) == content:
            assert self.store.put(key, tensors, parents=parents, score=score, graph=graph).key == key
            self.model[key] = content
        else:
            with pytest.raises(KeyTaken):
                self.store.put(key, tensors, parents=parents, score=score, graph=graph)

    @rule(key=KEYS)
    def load(self, key: str) -> None:
        assert (key in self.store) == (key in self.model)
        if key not in self.model:
            with pytest.raises(CheckpointNotFound):
                self.store[key]
            return
        found = self.store[key]
        tensors = {name: array.tobytes() for name, array in found.tensors().items()}
        assert (tensors, found.parents, found.score, found.graph) == self.model[key]

    @rule()
    def reopen(self) -> None:
        self.store = open_store(self.url, create=False)

    @invariant()
    def lists_what_is_there(self) -> None:
        assert {checkpoint.key for checkpoint in self.store.checkpoints()} == self.model.keys()

    def teardown(self) -> None:
        assert self.store.verify() == []


class DirectoryAndDict(StoreAndDict):
    """The same in a directory."""

    def new_url(self) -> str:
        self.folder = tempfile.mkdtemp()
        return f"{self.folder}/store"

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


TestMemory = StoreAndDict.TestCase
TestMemory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

TestDirectory = pytest.mark.slow(DirectoryAndDict.TestCase)
TestDirectory.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
