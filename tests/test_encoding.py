"""Canonical JSON: what goes in comes out, and the same value always gives the same bytes."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.encoding import Json, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20
)


@given(VALUES)
def test_a_decoded_encoding_is_the_value_itself(value: Json) -> None:
    assert decode(encode(value)) == value


@given(VALUES)
def test_the_encoding_of_what_was_decoded_is_the_same_bytes(value: Json) -> None:
    data = encode(value)
    assert encode(decode(data)) == data


@given(st.dictionaries(TEXT, SCALARS), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Json], random: Random) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert encode(dict(items)) == encode(value)


def test_the_form_is_fixed() -> None:
    """Digests over these bytes are stored; a change of form needs a new format version."""
    value = {"b": [1, 1.0, -0.5, True, None], "a": {"ö": "子\n"}, "": 1e300}
    assert encode(value) == '{"":1e+300,"a":{"ö":"子\\n"},"b":[1,1.0,-0.5,true,null]}'.encode()


def test_a_tuple_becomes_a_list() -> None:
    assert decode(encode((1, (2, 3)))) == [1, [2, 3]]


def test_an_integer_and_a_float_stay_apart() -> None:
    assert encode(1) != encode(1.0)
    assert isinstance(decode(encode(1.0)), float)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"score": number})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a":[NaN]}'])
def test_a_number_that_is_not_finite_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON number"):
        decode(text.encode())


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '[{"b":{"a":1,"c":2,"a":3}}]'])
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="twice"):
        decode(text.encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1,]", b"'a'", b"\xff", b'"\xed\xa0\x80"', b"\xef\xbb\xbf1", b"1 2"]
)
def test_bytes_that_are_no_json_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(data)


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", {"a": {(1, 2): 3}}])
def test_a_value_without_a_json_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="Circular"):
        encode(loop)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_read(wrap: type[bytes]) -> None:
    assert decode(wrap(json.dumps({"a": 1}).encode())) == {"a": 1}
