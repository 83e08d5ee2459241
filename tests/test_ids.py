"""Names: what may be one, what may not, and how long they get in a file name."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity import ids
from heredity.errors import InvalidName

GOOD_KEYS = [
    "father",
    "run-1/father@2",
    "a",
    "a/b/c",
    "...",
    ".hidden",
    "..x/y..",
    "v1.0",
    "search,seed=3",
    "100%",
    "größe/子供",
    "k" * ids.MAX_KEY_BYTES,
]

BAD_KEYS = {
    "empty": "",
    "the parent folder": "..",
    "this folder": ".",
    "traversal": "../father",
    "traversal inside": "a/../b",
    "this folder inside": "a/./b",
    "absolute": "/etc/passwd",
    "trailing slash": "a/",
    "double slash": "a//b",
    "backslash": "a\\b",
    "blank": "a b",
    "blank in front": " a",
    "line feed at the end": "a\n",
    "tab": "a\tb",
    "null": "a\0b",
    "delete": "a\x7fb",
    "C1 control": "a\x85b",
    "no-break space": "a\u00a0b",
    "line separator": "a\u2028b",
    "zero-width space": "a\u200bb",
    "right-to-left override": "a\u202eb",
    "lone surrogate": "a\ud800b",
    "decomposed": "gro\u0308ße",
    "too long": "k" * (ids.MAX_KEY_BYTES + 1),
    "too long when encoded": "ö" * 34,
}


@pytest.mark.parametrize("text", GOOD_KEYS)
def test_a_printable_key_without_blanks_is_accepted_as_it_is(text: str) -> None:
    assert ids.parse_checkpoint_key(text) == text


@pytest.mark.parametrize("text", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_key_that_could_harm_or_confuse_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="Checkpoint key"):
        ids.parse_checkpoint_key(text)


def test_a_refusal_shows_the_start_of_the_key_and_says_what_to_do() -> None:
    with pytest.raises(InvalidName) as caught:
        ids.parse_checkpoint_key("a b")
    assert "'a b'" in caught.value.message
    assert "run-1/father@2" in caught.value.hint


@given(st.text(max_size=80))
def test_an_accepted_key_fits_into_a_file_name_and_names_no_folder(text: str) -> None:
    try:
        key = ids.parse_checkpoint_key(text)
    except InvalidName:
        return
    file_name = quote(key, safe="")
    assert len(file_name) <= ids.MAX_KEY_BYTES < 255
    assert "/" not in file_name
    assert file_name not in {"", ".", ".."}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_the_encoded_length_is_the_length_of_the_percent_encoded_text(text: str) -> None:
    assert ids.encoded_length(text) == len(quote(text, safe=""))


@pytest.mark.parametrize("text", ["1", "father", "trial_3-b", "a.b", "a.b-c.d", "x" * 64])
def test_a_good_trial_id_and_experiment_name_is_accepted(text: str) -> None:
    assert ids.parse_trial_id(text) == text
    assert ids.parse_experiment_id(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a..b", ".a", "a.", "-a", "_a", "a/b", "a b", "a\n", "ä", "a@b", "x" * 65]
)
def test_an_id_that_could_leave_its_folder_or_be_an_option_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="Trial id"):
        ids.parse_trial_id(text)
    with pytest.raises(InvalidName, match="Experiment name"):
        ids.parse_experiment_id(text)


def test_every_id_may_be_a_part_of_a_key() -> None:
    """Checkpoints of an experiment are named experiment/trial@attempt; the longest ids still fit."""
    longest = "x" * 64
    assert ids.parse_checkpoint_key(f"{longest}/{longest}@12345")


@pytest.mark.parametrize("text", ["x3:" + "0f" * 16, "blake3:" + "ab" * 32, "x3:" + "0" * 16])
def test_a_digest_names_its_algorithm_and_is_lower_case_hexadecimal(text: str) -> None:
    assert ids.parse_digest(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x3:",
        "0f" * 16,
        ":" + "0f" * 16,
        "X3:" + "0f" * 16,
        "x3:" + "0F" * 16,
        "x3:" + "zz" * 16,
        "x3:" + "0" * 15,
        "x3:" + "0" * 129,
        "x3:" + "0f" * 16 + "\n",
        "../x3:" + "0f" * 16,
    ],
)
def test_a_text_of_another_form_is_no_digest(text: str) -> None:
    with pytest.raises(InvalidName, match="Digest"):
        ids.parse_digest(text)
