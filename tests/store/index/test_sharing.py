"""The index's file is shared by threads, processes and forks, and survives whatever is done to it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heredity.errors import StoreUnavailable
from heredity.ids import CheckpointKey
from heredity.store import LocalBackend
from heredity.store.index import database as database_room

FORK = multiprocessing.get_context("fork")
LIMIT_SECONDS = 120


def run_in_processes(*actions: Callable[[], None]) -> None:
    processes = [FORK.Process(target=action) for action in actions]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT_SECONDS)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def test_two_processes_refresh_at_once(local: Any) -> None:
    for number in range(60):
        local.put(f"k{number:02}", score=float(number), parents=[f"k{number - 1:02}"] if number else [])
    barrier = FORK.Barrier(2, timeout=LIMIT_SECONDS)

    def look() -> None:
        index = local.new_index()
        barrier.wait()
        view = index.look()
        assert len(view.checkpoints()) == 60
        assert view.best()[0].key == "k59"

    run_in_processes(look, look)
    assert not [path for path in local.folder.iterdir() if path.suffix not in {".sqlite", ".lock"}]
    with sqlite3.connect(local.index.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM edges").fetchone() == (59,)
    connection.close()


def test_processes_that_put_and_look_see_all_that_was_put_before(local: Any) -> None:
    def worker(name: str) -> Callable[[], None]:
        def work() -> None:
            index = local.new_index()
            for number in range(15):
                local.put(f"{name}/{number}")
                assert f"{name}/{number}" in [each.key for each in index.look().checkpoints()]
                if number % 3 == 2:
                    local.drop(f"{name}/{number - 1}")
                found = [each.key for each in index.look().checkpoints(f"{name}/")]
                assert found == sorted(f"{name}/{n}" for n in range(number + 1) if n % 3 != 1 or n == number)

        return work

    run_in_processes(worker("a"), worker("b"), worker("c"))
    assert len(local.keys()) == 3 * 10


def test_threads_share_one_index(local: Any) -> None:
    for number in range(20):
        local.put(f"k{number}")
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(len(local.index.look().checkpoints()))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    assert found == [20] * 6


def test_a_fork_waits_for_a_thread_that_uses_the_file(local: Any) -> None:
    """Children begin while another thread looks all the time; each looks for itself, and none hangs."""
    for number in range(5):
        local.put(f"k{number}")
    is_over = threading.Event()

    def look_again_and_again() -> None:
        while not is_over.is_set():
            local.index.look()

    thread = threading.Thread(target=look_again_and_again)
    thread.start()
    try:
        codes = [_exit_code_of_child(local) for _ in range(25)]
    finally:
        is_over.set()
        thread.join(LIMIT_SECONDS)
    assert codes == [0] * 25


def _exit_code_of_child(local: Any) -> int:
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT_SECONDS)
        try:
            os._exit(0 if len(local.index.look().checkpoints()) == 5 else 3)
        finally:
            os._exit(4)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_nothing_is_held_open(local: Any) -> None:
    local.put("a")
    view = local.index.look()
    view.checkpoints()
    # The descriptor that lists the others is closed by then.
    names = [fd.readlink() for fd in list(Path("/proc/self/fd").iterdir()) if fd.is_symlink()]
    assert not [name for name in names if name.is_relative_to(local.folder)]


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def execute(path: Path, command: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(command)
    connection.close()


SPOILT: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(b"no database" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "holes": lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)),
    "a directory": _folder_instead,
    "older": lambda path: execute(path, "PRAGMA user_version = 0"),
    "newer": lambda path: execute(path, "PRAGMA user_version = 99"),
    "of another store": lambda path: execute(path, "UPDATE about SET identity = 'other'"),
    "without a table": lambda path: execute(path, "DROP TABLE ranks"),
    "damaged values": lambda path: execute(path, "UPDATE checkpoints SET metadata = '{'"),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_file_is_made_anew(local: Any, spoil: Callable[[Path], object]) -> None:
    local.put("a", score=1.0, metadata={"n": 1})
    assert local.keys() == ["a"]
    spoil(local.index.path)
    view = local.index.look()
    assert [each.key for each in view.best({"n": 1})] == ["a"]
    assert [each.key for each in view.checkpoints()] == ["a"]


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_view_outlives_its_file(local: Any, spoil: Callable[[Path], object]) -> None:
    """Between a look and a question somebody may have made the file anew, empty."""
    local.put("a", score=1.0, metadata={"n": 1})
    view = local.index.look()
    spoil(local.index.path)
    assert [each.key for each in view.best({"n": 1})] == ["a"]


def test_an_emptied_file_of_another_maker_is_filled_before_it_answers(local: Any) -> None:
    local.put("a")
    view = local.index.look()
    local.index.path.unlink()
    other = local.new_index()
    other._database.run(lambda _: None)
    assert [each.key for each in view.checkpoints()] == ["a"]


def test_a_log_that_was_left_behind_is_not_played_into_a_new_file(local: Any) -> None:
    local.put("a")
    local.keys()
    path = local.index.path
    holder = sqlite3.connect(path)
    holder.execute("UPDATE checkpoints SET key = 'wrong'")
    holder.commit()
    left = Path(f"{path}-wal").read_bytes()
    holder.close()
    path.unlink()
    Path(f"{path}-wal").write_bytes(left)
    assert [each.key for each in local.new_index().look().checkpoints()] == ["a"]


def test_a_folder_that_cannot_be_made_is_replaced_by_a_private_one(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    site.folder = tmp_path / "file" / "index"
    site.index = site.new_index()
    site.put("a")
    assert site.keys() == ["a"]
    private = site.index.path.parent
    assert private.stat().st_mode & 0o777 == 0o700
    site.headers_read()
    assert site.keys() == ["a"]
    assert site.headers_read() == []
    site.index = None
    assert not private.exists()


def test_a_forked_process_leaves_its_parents_private_folder(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    site.folder = tmp_path / "file" / "index"
    site.index = site.new_index()
    site.put("a")
    assert site.keys() == ["a"]

    def forget() -> None:
        site.index = None
        sys.exit(0)

    run_in_processes(forget)
    assert site.index.path.exists()


def test_a_file_that_somebody_does_not_let_go_of_is_left_to_him(
    local: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.put("a")
    local.keys()
    path = local.index.path
    local.put("b")
    monkeypatch.setattr(database_room, "_BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR)
    import fcntl

    fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        assert local.keys() == ["a", "b"]
        assert local.index.path != path
        assert path.exists()
    finally:
        os.close(lock)
        holder.close()


def test_no_place_at_all_is_an_error_that_says_so(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    site.folder = tmp_path / "file" / "index"
    site.index = site.new_index()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file" / "tmp"))
    with pytest.raises(StoreUnavailable, match="TMPDIR"):
        site.index.look()


def test_two_copies_of_a_store_with_one_folder_never_mix(local: Any, tmp_path: Path) -> None:
    """A copy has the same id, and may come to hold other content under the same key."""
    sites = [type(local)(LocalBackend(tmp_path / name), tmp_path / "index") for name in "ab"]
    for number, each in enumerate(sites):
        each.put("k", score=float(number))
    for _ in range(2):
        assert [each.index.look().best()[0].score for each in sites] == [0.0, 1.0]


def test_it_travels_to_other_processes(local: Any) -> None:
    local.put("a")
    there = pickle.loads(pickle.dumps(local.index))
    assert [each.key for each in there.look().checkpoints()] == ["a"]
    assert there.path == local.index.path
    assert there.look().ancestors(CheckpointKey("a")) == []


def test_a_folder_may_be_relative_and_named_as_one_likes(
    local: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    local.put("a")
    local.folder = Path("what? 100% #1")
    local.index = local.new_index()
    monkeypatch.chdir("/")
    assert local.keys() == ["a"]
    assert local.index.path.parent == tmp_path / local.folder


def test_without_a_folder_it_is_private(local: Any) -> None:
    local.put("a")
    local.folder = None
    first, second = local.new_index(), local.new_index()
    assert [each.key for each in first.look().checkpoints()] == ["a"]
    assert [each.key for each in second.look().checkpoints()] == ["a"]
    assert first.path.parent != second.path.parent
