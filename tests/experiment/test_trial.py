"""A trial's states: the table of legal moves, its drawing, and the record's small questions."""

from __future__ import annotations

import inspect
import itertools

import pytest

from heredity.errors import IllegalMove
from heredity.experiment import LEGAL_MOVES, Report, TrialRecord, TrialState
from heredity.ids import CheckpointKey, TrialId

ILLEGAL = [(a, b) for a, b in itertools.product(TrialState, repeat=2) if b not in LEGAL_MOVES[a]]
LEGAL = [(a, b) for a, b in itertools.product(TrialState, repeat=2) if b in LEGAL_MOVES[a]]


def record(state: TrialState = TrialState.QUEUED) -> TrialRecord:
    return TrialRecord(id=TrialId("a"), number=1, parameters={}, state=state)


@pytest.mark.parametrize(("before", "after"), ILLEGAL)
def test_an_illegal_move_raises_and_changes_nothing(before: TrialState, after: TrialState) -> None:
    trial = record(before)
    with pytest.raises(IllegalMove, match=f"trial a: no move from {before.value} to {after.value}"):
        trial.move(after)
    assert trial.state is before


@pytest.mark.parametrize(("before", "after"), LEGAL)
def test_a_legal_move_changes_the_state(before: TrialState, after: TrialState) -> None:
    trial = record(before)
    trial.move(after)
    assert trial.state is after


def test_every_state_stands_in_the_table() -> None:
    assert set(LEGAL_MOVES) == set(TrialState)


def test_exactly_the_ends_have_no_moves() -> None:
    ends = {TrialState.COMPLETED, TrialState.STOPPED_EARLY, TrialState.FAILED}
    assert {state for state in TrialState if state.is_end} == ends
    assert {state for state in TrialState if not LEGAL_MOVES[state]} == ends


def test_a_trial_that_was_stopped_early_is_a_success() -> None:
    successes = {TrialState.COMPLETED, TrialState.STOPPED_EARLY}
    assert {state for state in TrialState if state.is_success} == successes


def test_the_drawing_shows_the_table() -> None:
    """Whoever follows the lines of the docstring finds every legal move, and no other."""
    drawn = arrows(inspect.getdoc(TrialState) or "")
    assert drawn == {(before.value, after.value) for before, after in LEGAL}


def test_the_checkpoint_to_inherit_is_the_last_one() -> None:
    trial = record()
    assert trial.checkpoint is None
    trial.checkpoints = (CheckpointKey("a@1"), CheckpointKey("a@2"))
    assert trial.checkpoint == "a@2"


def test_a_trial_has_made_the_most_steps_that_it_reported() -> None:
    trial = record()
    assert trial.steps == 0
    trial.reports += [Report(5, 0.1), Report(3, 0.2)]
    assert trial.steps == 5


def test_seconds_are_known_once_an_attempt_has_ended() -> None:
    trial = record()
    assert trial.seconds is None
    trial.started_at = 3.0
    assert trial.seconds is None
    trial.ended_at = 5.5
    assert trial.seconds == 2.5


# --- reading the drawing ------------------------------------------------------------------------------------

RIGHT, LEFT, UP, DOWN = (0, 1), (0, -1), (-1, 0), (1, 0)
MARKS = {RIGHT: "─┼►", LEFT: "─┼◄└", UP: "│┼▲", DOWN: "│┼├└┘"}
TURNS = {("├", DOWN): [DOWN, RIGHT], ("└", DOWN): [RIGHT], ("└", LEFT): [UP], ("┘", DOWN): [LEFT]}
Place = tuple[int, int]


def arrows(text: str) -> set[tuple[str, str]]:
    """The pairs of states that a line leads between, from its foot to its arrowhead."""
    lines = text.splitlines()
    words = words_of(lines)
    found = set()
    for (row, column), word in words.items():
        feet = [((row, column + len(word) + 1), RIGHT), ((row, column - 2), LEFT)]
        feet += [((row + 1, column + offset), DOWN) for offset in range(len(word))]
        for place, way in feet:
            found |= {(word, words[head]) for head in heads(lines, words, place, way)}
    return found


def words_of(lines: list[str]) -> dict[Place, str]:
    names = {state.value for state in TrialState}
    return {
        (row, line.index(word)): word
        for row, line in enumerate(lines)
        if set(line) & set("─│")
        for word in line.split()
        if word in names
    }


def heads(lines: list[str], words: dict[Place, str], place: Place, way: Place) -> set[Place]:
    """Where the line ends that is entered here."""
    row, column = place
    mark = lines[row][column] if 0 <= row < len(lines) and 0 <= column < len(lines[row]) else " "
    if mark not in MARKS[way]:
        return set()
    if mark in "►◄▲":
        return {at for at in words if is_touched(at, words[at], place, way)}
    ways = TURNS.get((mark, way), [way])
    return {head for dr, dc in ways for head in heads(lines, words, (row + dr, column + dc), (dr, dc))}


def is_touched(at: Place, word: str, head: Place, way: Place) -> bool:
    row, column = head
    columns = range(at[1], at[1] + len(word))
    if way == UP:
        return at[0] == row - 1 and column in columns
    return at[0] == row and (column + 2 == at[1] if way == RIGHT else column - 2 == columns[-1])
