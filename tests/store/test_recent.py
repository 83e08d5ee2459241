"""What was used last is remembered, and no more than there is room for."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

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


def test_threads_may_push_one_another_out() -> None:
    recent: Recent[int, int] = Recent(10)

    def work(start: int) -> None:
        for number in range(start, start + 3000):
            recent.put(number % 50, number % 50)
            assert recent.get(number % 50) in {None, number % 50}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(recent._items) <= 10
