"""What was used last is remembered, and no more than there is room for."""

from __future__ import annotations

import pickle

from heredity.store.files.recent import Recent


def test_the_item_unused_for_longest_gives_way() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put_all([("a", 1), ("b", 2)])
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_another_process_begins_with_nothing() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    copy = pickle.loads(pickle.dumps(recent))
    copy.put_all([("b", 1), ("c", 2), ("d", 3)])
    assert [copy.get(key) for key in "abcd"] == [None, None, 2, 3]
