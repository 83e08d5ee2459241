"""Whatever is in a file, reading it gives what was saved or a typed error, and nothing else happens.

`benchmarks/fuzz_header.py` does the same for as long as one likes, led by coverage.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heredity.encoding import Json
from heredity.errors import InputError
from heredity.store import MemoryBackend, Store
from heredity.testing.damage import damaged
from heredity.testing.reading import read_everything, seeds

FILES = seeds()


def test_the_files_to_be_damaged_are_whole() -> None:
    """The first is no checkpoint; the others are both."""
    assert list(map(read_everything, FILES)) == [1, 2, 2, 2]


def test_most_of_the_damage_is_found() -> None:
    """Or else the damaging does nothing."""
    num_whole = sum(read_everything(damaged(FILES[1], Random(seed))) == 2 for seed in range(200))
    assert num_whole < 40


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 2**64))
def test_a_damaged_file_is_a_typed_error_or_still_whole(content: bytes, seed: int) -> None:
    read_everything(damaged(content, Random(seed)))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_typed_error(content: bytes) -> None:
    assert read_everything(content) == 0


def test_metadata_that_could_not_be_copied_are_refused_before_they_are_written() -> None:
    """Found by fuzzing: they could be read, and then killed whoever looked at them."""
    nested: Json = 1
    for _ in range(400):
        nested = [nested]
    store = Store(MemoryBackend(url="memory://nested"), store_id="x")
    with pytest.raises(InputError, match="more than 100 deep"):
        store.put("a", {}, metadata={"x": nested})


def test_half_a_surrogate_pair_is_found() -> None:
    """JSON can say it, but no terminal and no other JSON."""
    content = FILES[1].replace("é".encode(), rb"\\ud800")
    length = int.from_bytes(FILES[1][:8], "little") + len(content) - len(FILES[1])
    assert read_everything(length.to_bytes(8, "little") + content[8:]) == 1  # whole as a plain file only
