"""The journal: what was synced is read back, what was cut is dropped, what is damaged is named."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path, PosixPath

import pytest
from hypothesis import HealthCheck, given, settings

from heredity.encoding import encode
from heredity.errors import ConfigError, CorruptJournal, StoreUnavailable, UnsupportedFormat
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_to_json
from heredity.ids import TrialId
from heredity.journal import Journal, read_state, replay
from heredity.testing.histories import History, histories

EXHAUSTED = happened.StrategyExhausted(at=1.0)


def started() -> happened.ExperimentStarted:
    first = History().events[0]
    assert isinstance(first, happened.ExperimentStarted)
    return first


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one event."""
    path = tmp_path / "journal.jsonl"
    Journal.create(path, started()).close()
    return path


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


# --- there and back -----------------------------------------------------------------------------------------


@given(history=histories())
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_appended_is_replayed(tmp_path: Path, history: History) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    with Journal.create(path, started()) as journal:
        for event in history.events[1:]:
            journal.append(event)
        journal.sync()
    assert list(replay(path))[1:] == history.events[1:]


@given(history=histories())
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_state_is_rebuilt_from_the_journal(tmp_path: Path, history: History) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"".join(encode(event_to_json(event)) + b"\n" for event in history.events))
    state = read_state(path)
    state.check_invariants()
    assert state.rules == history.state.rules
    assert state.trials == history.state.trials
    assert state.num_wanted() == history.state.num_wanted()


def test_the_first_event_is_there_when_the_journal_is_created(path: Path) -> None:
    assert list(replay(path)) == [started()]


def test_a_journal_goes_on_where_it_ended(path: Path) -> None:
    for number in range(3):
        with Journal.open_for_append(path) as journal:
            journal.append(happened.ExperimentResumed(at=float(number)))
            journal.sync()
    assert [event.at for event in replay(path)] == [0.0, 0.0, 1.0, 2.0]


def test_a_sync_without_anything_new_is_none(path: Path) -> None:
    with Journal.open_for_append(path) as journal:
        journal.sync()
    assert list(replay(path)) == [started()]


def test_an_event_that_is_no_json_is_refused_whole(path: Path) -> None:
    event = happened.TrialProposed(
        at=1.0, trial=TrialId("a"), parameters={"rate": float("nan")}, parents=(), twin_of=None
    )
    with Journal.open_for_append(path) as journal, pytest.raises(ValueError, match="not JSON compliant"):
        journal.append(event)
    assert list(replay(path)) == [started()]


# --- cut lines ----------------------------------------------------------------------------------------------


def test_a_last_line_that_was_cut_does_not_count(path: Path) -> None:
    add(path, b'{"event":"Strat')
    assert list(replay(path)) == [started()]


def test_a_last_line_without_its_line_feed_does_not_count(path: Path) -> None:
    """It may lack more than that, for all a reader knows."""
    add(path, encode(event_to_json(EXHAUSTED)))
    assert list(replay(path)) == [started()]


@pytest.mark.parametrize("length", [1, 65_535, 65_536, 65_537, 200_000])
def test_a_cut_line_is_removed_before_the_next_is_appended(path: Path, length: int) -> None:
    add(path, b"x" * length)
    with Journal.open_for_append(path) as journal:
        journal.append(EXHAUSTED)
        journal.sync()
    assert list(replay(path)) == [started(), EXHAUSTED]


def test_whole_lines_stay_when_a_journal_is_opened(path: Path) -> None:
    content = path.read_bytes()
    Journal.open_for_append(path).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize("length", [0, 1, 70_000])
def test_a_file_without_any_line_feed_holds_no_event(tmp_path: Path, length: int) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"x" * length)
    Journal.open_for_append(path).close()
    assert path.read_bytes() == b""
    with pytest.raises(CorruptJournal, match="expected ExperimentStarted as the first event, got nothing"):
        read_state(path)


def test_every_prefix_of_a_journal_is_a_journal(path: Path) -> None:
    """Wherever a crash cuts it, the events that are whole remain, and it can be continued."""
    with Journal.open_for_append(path) as journal:
        journal.append(EXHAUSTED)
    content = path.read_bytes()
    whole = content.index(b"\n") + 1
    for length in range(whole, len(content)):
        path.write_bytes(content[:length])
        assert list(replay(path)) == [started()]
        Journal.open_for_append(path).close()
        assert path.stat().st_size == whole


# --- damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b"\xff\xfe",
        b"[]",
        b'{"event":"Unknown"}',
        b'{"event":"StrategyExhausted"}',
        b"\0" * 20,
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_named(path: Path, line: bytes) -> None:
    add(path, line + b"\n" + encode(event_to_json(EXHAUSTED)) + b"\n")
    with pytest.raises(CorruptJournal, match=r"journal\.jsonl, line 2: .*restore it from a copy"):
        list(replay(path))


def test_the_events_before_a_damaged_line_are_read(path: Path) -> None:
    add(path, b"garbage\n")
    events = replay(path)
    assert next(events) == started()
    with pytest.raises(CorruptJournal, match="line 2"):
        next(events)


def test_a_journal_begins_with_the_experiment(path: Path) -> None:
    path.write_bytes(encode(event_to_json(EXHAUSTED)) + b"\n")
    with pytest.raises(CorruptJournal, match="as the first event, got StrategyExhausted"):
        read_state(path)


def test_a_journal_of_a_newer_version_is_not_called_damaged(path: Path) -> None:
    path.write_bytes(encode(event_to_json(started()) | {"format": 3, "colour": "red"}) + b"\n")
    with pytest.raises(UnsupportedFormat, match="Use a newer version"):
        read_state(path)


# --- places that will not do --------------------------------------------------------------------------------


def test_a_journal_is_created_once(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"exists already\. Go on with `heredity resume`"):
        Journal.create(path, started())
    assert list(replay(path)) == [started()]


def test_a_journal_needs_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        Journal.create(tmp_path / "absent" / "journal.jsonl", started())


def test_a_journal_that_is_absent_cannot_go_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no journal that can be appended to: No such file"):
        Journal.open_for_append(tmp_path / "journal.jsonl")


def test_a_journal_that_is_absent_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no journal that can be read: No such file"):
        read_state(tmp_path / "journal.jsonl")


def test_a_directory_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        Journal.open_for_append(tmp_path)
    with pytest.raises(ConfigError, match="Is a directory"):
        list(replay(tmp_path))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def append_until_refused(journal: Journal) -> int:
    """How many events the disk took before it was full."""
    for num_appended in range(10_000):
        try:
            journal.append(EXHAUSTED)
        except StoreUnavailable:
            return num_appended
    pytest.fail("the disk was never full")


def test_a_full_disk_leaves_whole_lines_only(small_disk: Path) -> None:
    path = small_disk / "journal.jsonl"
    with Journal.create(path, started()) as journal:
        num_appended = append_until_refused(journal)
        assert path.read_bytes().endswith(b"}\n")
    assert list(replay(path)) == [started(), *[EXHAUSTED] * num_appended]


def test_a_journal_goes_on_once_the_disk_has_room(small_disk: Path) -> None:
    path, filler = small_disk / "journal.jsonl", small_disk / "filler"
    with Journal.create(path, started()) as journal:
        filler.write_bytes(b"x" * 60 * 1024)
        num_appended = append_until_refused(journal)
        filler.unlink()
        journal.append(EXHAUSTED)
        journal.sync()
    assert list(replay(path)) == [started(), *[EXHAUSTED] * (num_appended + 1)]


def test_a_disk_that_is_full_from_the_beginning_leaves_no_journal(small_disk: Path) -> None:
    """An empty one would say that the experiment exists, and could not be resumed."""
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 4_096):
            pass
    path = small_disk / "journal.jsonl"
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        Journal.create(path, started())
    assert not path.exists()


def test_a_disk_that_fails_to_sync_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Journal.open_for_append(path) as journal:
        journal.append(EXHAUSTED)
        monkeypatch.setattr(os, "fdatasync", fail)
        with pytest.raises(StoreUnavailable, match="Input/output error"):
            journal.sync()


# --- reading while it grows ---------------------------------------------------------------------------------


def test_a_journal_can_be_read_while_it_grows(path: Path) -> None:
    with Journal.open_for_append(path) as journal:
        events = replay(path)
        assert next(events) == started()
        journal.append(EXHAUSTED)
        assert next(events, None) == EXHAUSTED
        assert next(events, None) is None
        journal.append(EXHAUSTED)
        assert len(list(replay(path))) == 3


def test_a_reader_beside_the_writer_sees_whole_events_only(path: Path) -> None:
    """Each look sees the first of the events, in their order."""
    events = [happened.ExperimentResumed(at=float(number)) for number in range(2_000)]

    def write() -> None:
        with Journal.open_for_append(path) as journal:
            for event in events:
                journal.append(event)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            seen = list(replay(path))[1:]
            assert seen == events[: len(seen)]
    writing.result()
    assert list(replay(path))[1:] == events


class GrowingPath(PosixPath):
    """A file of two lines whose second was being written at the first look, and is whole at the next."""

    def open(self, *_: object, **__: object) -> nullcontext[Iterator[bytes]]:  # type: ignore[override]  # one way is enough
        line = encode(event_to_json(EXHAUSTED)) + b"\n"
        return nullcontext(iter([encode(event_to_json(started())) + b"\n", line[:9], line[9:]]))


def test_a_line_that_is_completed_while_it_is_read_is_not_called_damaged() -> None:
    assert list(replay(GrowingPath("journal.jsonl"))) == [started()]


@pytest.mark.slow
def test_a_hundred_thousand_events_are_read_in_seconds(path: Path) -> None:
    history = History(concurrency=4)
    for number in range(20_000):
        history.propose(f"t{number}", *([f"t{number - 1}"] if number else []))
        history.start(f"t{number}")
        history.report(f"t{number}", 0.5, step=1)
        history.save(f"t{number}", f"run/t{number}@1")
        history.complete(f"t{number}", 0.5)
    add(path, b"".join(encode(event_to_json(event)) + b"\n" for event in history.events[1:]))
    begin = time.perf_counter()
    state = read_state(path)
    seconds = time.perf_counter() - begin
    print(f"{len(history.events)} events in {seconds:.2f} s")
    assert len(state.trials) == 20_000
    assert seconds < 5


def test_events_in_an_order_that_cannot_be_are_damage_with_a_line(tmp_path: Path) -> None:
    """A line that stands twice in an edited journal is named, not taken in."""
    path = tmp_path / "twice.jsonl"
    proposed = happened.TrialProposed(at=1.0, trial=TrialId("a"), parameters={}, parents=(), twin_of=None)
    with Journal.create(path, started()) as journal:
        journal.append(proposed)
        journal.append(proposed)
        journal.sync()
    with pytest.raises(CorruptJournal, match="line 3: trial a is proposed twice"):
        read_state(path)


def test_creating_a_journal_leaves_nothing_else_behind(tmp_path: Path) -> None:
    Journal.create(tmp_path / "one.jsonl", started()).close()
    assert [path.name for path in tmp_path.iterdir()] == ["one.jsonl"]
