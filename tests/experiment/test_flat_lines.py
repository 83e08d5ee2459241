"""Lines of a journal that are read by a pattern give what the usual way gives; no others are taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.encoding import encode
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_to_json
from heredity.experiment.flat_lines import event_of_flat_line
from heredity.ids import CheckpointKey, TrialId

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(min_value=0, max_value=2**70)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}(\.[a-z]{1,3})?", fullmatch=True).map(TrialId)
METRICS = st.dictionaries(st.text(max_size=5), st.one_of(NUMBERS, st.integers(), st.text(max_size=5)))


def line_of(event: happened.Event) -> bytes:
    return encode(event_to_json(event)) + b"\n"


REPORTS = st.builds(
    happened.TrialReported,
    at=NUMBERS,
    trial=NAMES,
    attempt=COUNTS,
    step=COUNTS,
    value=NUMBERS,
    metrics=METRICS,
)
OTHERS = st.one_of(
    st.builds(happened.TrialStarted, at=NUMBERS, trial=NAMES, attempt=COUNTS),
    st.builds(
        happened.CheckpointSaved,
        at=NUMBERS,
        trial=NAMES,
        attempt=COUNTS,
        key=NAMES.map(lambda name: CheckpointKey(f"run/{name}@1.step-2")),
    ),
    st.builds(happened.TrialRested, at=NUMBERS, trial=NAMES),
)


@given(REPORTS | OTHERS)
def test_a_line_is_read_as_what_was_written_or_left_to_the_usual_way(event: happened.Event) -> None:
    assert event_of_flat_line(line_of(event)) in (event, None)


@pytest.mark.parametrize(
    "event",
    [
        happened.TrialReported(
            at=1.5e9, trial=TrialId("a"), attempt=1, step=0, value=-3e-05, metrics={"b": 2, "c": 0.5}
        ),
        happened.TrialReported(at=1.5, trial=TrialId("a.b"), attempt=12, step=30, value=0.25),
        happened.TrialStarted(at=0.0, trial=TrialId("00001"), attempt=1),
        happened.CheckpointSaved(at=0.5, trial=TrialId("a"), attempt=1, key=CheckpointKey("run/a@1.x")),
    ],
)
def test_what_a_journal_is_full_of_is_read_by_the_pattern(event: happened.Event) -> None:
    assert event_of_flat_line(line_of(event)) == event


REPORT = '{"at":1.5,"attempt":1,"event":"TrialReported","step":3,"trial":"a","value":0.5}\n'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.5", "1.0e999"),
        ("0.5", "NaN"),
        ("0.5", "00.5"),
        ("0.5", '"0.5"'),
        ('"step":3', '"step":-3'),
        ('"step":3', '"step":3,"step":4'),
        ('"step":3', '"step":03'),
        ('"step":3', '"step":true'),
        ('"trial":"a"', '"trial":"\\u0061"'),
        ("}\n", "}"),
        ("}\n", "} \n"),
    ],
)
def test_what_looks_otherwise_is_left_to_the_usual_way(old: str, new: str) -> None:
    assert event_of_flat_line(REPORT.encode()) is not None
    assert event_of_flat_line(REPORT.replace(old, new).encode()) is None


@pytest.mark.parametrize("metrics", ['{"b":1,"b":2}', '{"b":NaN}', '{"b":1e999}', '{"b"}', "{,}"])
def test_metrics_that_cannot_be_are_refused(metrics: str) -> None:
    line = REPORT.replace('"step"', f'"metrics":{metrics},"step"')
    with pytest.raises(ValueError, match=r"twice|JSON|range|delimiter|property name"):
        event_of_flat_line(line.encode())
