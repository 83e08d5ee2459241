"""Every backend passes the suite; the directory also survives what disks and file servers do."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from heredity.errors import StoreFull, StoreLocationError, StoreUnavailable, WriteSwept
from heredity.store.backends import Backend, LocalBackend, MemoryBackend
from heredity.store.backends.posix import (
    STALE_TRIES,
    SystemCalls,
    file_system_of,
    has_change_counters,
    maps_well,
)
from heredity.testing.backend_suite import BackendSuite
from heredity.testing.faults import failing, losing_replies

REAL = SystemCalls()


def only_seven(file: int, buffers: list[memoryview]) -> int:
    return os.writev(file, [buffers[0][:7]])


def seven_at_most(file: int, buffers: list[memoryview], offset: int) -> int:
    return os.preadv(file, [buffers[0][:7]], offset)


class TestLocal(BackendSuite):
    """As it is; what the suite reads is small and copied."""

    def make_backend(self, folder: Path) -> Backend:
        return LocalBackend(folder)


class TestLocalThatMaps(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return LocalBackend(folder, map_from_bytes=0)


class TestLocalThatTakesLittle(BackendSuite):
    """With a kernel that takes and gives 7 bytes at a time, as it may."""

    def make_backend(self, folder: Path) -> Backend:
        return LocalBackend(folder, system=SystemCalls(write=only_seven, preadv=seven_at_most))


class TestMemory(BackendSuite):
    def make_backend(self, folder: Path) -> Backend:
        return MemoryBackend(url=f"memory://{folder.name}")


def local(root: Path, system: SystemCalls = REAL) -> LocalBackend:
    LocalBackend(root).make_directories(["a/"])
    return LocalBackend(root, system=system)


def tmp_files(root: Path) -> list[Path]:
    return list((root / "tmp").iterdir())


def test_a_file_may_be_read_by_all_and_written_by_nobody(root: Path) -> None:
    local(root).put_once("a/x", [b"1"])
    assert stat.S_IMODE((root / "a/x").stat().st_mode) == 0o444
    assert tmp_files(root) == []


def test_a_kernel_may_take_less_than_it_was_given(root: Path) -> None:
    backend = local(root, SystemCalls(write=only_seven))
    assert backend.put_once("a/x", [b"0123456789" * 10, b"", b"end"])
    assert (root / "a/x").read_bytes() == b"0123456789" * 10 + b"end"


@pytest.mark.parametrize("number", [errno.EEXIST, errno.EIO, errno.ESTALE])
def test_a_link_whose_reply_was_lost_is_a_success(root: Path, number: int) -> None:
    assert local(root, SystemCalls(link=losing_replies(os.link, number))).put_once("a/x", [b"1"])
    assert local(root).exists("a/x")
    assert tmp_files(root) == []


@pytest.mark.parametrize("call", ["fsync", "close", "write", "link"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_leaves_nothing_visible(root: Path, call: str, number: int) -> None:
    broken = replace(REAL, **{call: failing(getattr(REAL, call), number, times=1)})
    backend = local(root, broken)
    with pytest.raises(StoreUnavailable) as caught:
        backend.put_once("a/x", [b"1"])
    assert str(root) in str(caught.value)
    assert caught.value.hint
    assert not backend.exists("a/x")
    assert tmp_files(root) == []
    assert backend.put_once("a/x", [b"2"])


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_place_that_forbids_writing_says_so_before_the_first_byte(root: Path, number: int) -> None:
    def never(*_args: object) -> int:
        raise AssertionError("a byte was written")

    backend = local(root, SystemCalls(open=failing(os.open, number, times=1), write=never))
    with pytest.raises(StoreLocationError, match="writing failed"):
        backend.put_once("a/x", [b"1"])


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_hard_links_is_refused_by_name(root: Path, number: int) -> None:
    backend = local(root, SystemCalls(link=failing(os.link, number, times=1)))
    with pytest.raises(StoreLocationError, match="no hard links"):
        backend.put_once("a/x", [b"1"])


def test_a_stale_directory_is_opened_again(root: Path) -> None:
    local(root).put_once("a/x", [b"1"])
    stale = SystemCalls(open=failing(os.open, errno.ESTALE, times=STALE_TRIES - 1))
    assert local(root, stale).exists("a/x")


def test_what_stays_stale_is_unavailable(root: Path) -> None:
    stale = SystemCalls(open=failing(os.open, errno.ESTALE, times=1000))
    with pytest.raises(StoreUnavailable):
        local(root, stale).exists("a/x")


def test_a_garbage_file_that_cannot_be_deleted_does_not_fail_a_save(root: Path) -> None:
    backend = local(root, SystemCalls(unlink=failing(os.unlink, errno.EIO, times=1)))
    assert backend.put_once("a/x", [b"1"])
    assert len(tmp_files(root)) == 1


def test_a_directory_that_is_gone_is_not_an_absent_name(root: Path) -> None:
    backend = local(root)
    for path in list(root.iterdir()):
        shutil.rmtree(path)
    for look in (backend.exists, backend.open, backend.names):
        with pytest.raises(StoreUnavailable, match="mounted"):
            look("a/x" if look != backend.names else "a/")


def test_a_file_that_shrinks_while_it_is_read_is_an_error(root: Path) -> None:
    local(root).put_once("a/x", [b"12345"])
    blob = local(root, SystemCalls(preadv=lambda *_: 0)).open("a/x")
    assert blob is not None
    with blob, pytest.raises(StoreUnavailable, match="ends at byte 0"):
        blob.read(0, 5)


def test_what_nfs_leaves_of_open_files_is_not_listed(root: Path) -> None:
    (backend := local(root)).put_once("a/x", [b"1"])
    (root / "a/.nfs0000123").write_bytes(b"")
    assert backend.names("a/") == ["a/x"]


def test_old_unfinished_files_are_swept_and_young_ones_are_not(root: Path) -> None:
    backend = local(root)
    old, young = root / "tmp/old", root / "tmp/young"
    old.write_bytes(b"")
    # As a client of NFS leaves it that dies just after it has made the file.
    os.utime(old, (2**33, 2**33))
    between = backend.now()
    young.write_bytes(b"")
    os.utime(young, (0, 0))
    backend.sweep(before=between)
    assert tmp_files(root) == [young]


def test_a_retired_file_is_kept_for_its_readers_until_it_is_swept(root: Path) -> None:
    backend = local(root)
    backend.put_once("a/x", [b"12345"])
    long_ago = backend.now() - 3600
    # Its content is old; what counts is when it was retired.
    os.utime(root / "a/x", (long_ago, long_ago))
    blob = backend.open("a/x")
    assert blob is not None
    with blob:
        backend.retire("a/x")
        backend.sweep(before=long_ago + 1)
        assert len(list((root / "trash").iterdir())) == 1
        backend.sweep(before=backend.now())
        assert not list((root / "trash").iterdir())
        assert blob.read(0, 5) == b"12345"


def test_a_swept_file_whose_link_was_made_is_a_success(root: Path) -> None:
    """The reply was lost, then a collection swept the temporary name: the inode at the target tells."""
    backend = local(root)

    def link_and_sweep(*args: object, **kwargs: object) -> None:
        os.link(*args, **kwargs)  # type: ignore[arg-type]  # whatever it is given
        backend.sweep(before=backend.now())
        raise OSError(errno.EIO, "lost")

    assert local(root, SystemCalls(link=link_and_sweep)).put_once("a/x", [b"1"])
    assert backend.exists("a/x")


def test_a_swept_writer_does_not_take_another_s_file_for_its_own(root: Path) -> None:
    """The file system gives the other's file the inode's number that the swept one had."""
    backend = local(root)

    def sweep_and_be_overtaken() -> None:
        backend.sweep(before=backend.now())
        assert local(root).put_once("a/x", [b"2"])

    with pytest.raises(WriteSwept):
        backend.put_once("a/x", [b"1"], before_commit=sweep_and_be_overtaken)
    assert (root / "a/x").read_bytes() == b"2"


def test_a_name_that_another_took_is_not_ours_after_a_sweep(root: Path) -> None:
    backend = local(root)
    backend.put_once("a/x", [b"other"])
    with pytest.raises(WriteSwept):
        backend.put_once("a/y", [b"1"], before_commit=lambda: backend.sweep(before=backend.now()))
    assert not backend.put_once(
        "a/x", [b"mine"], before_commit=lambda: backend.sweep(before=backend.now() - 60)
    )


def test_a_rename_whose_reply_was_lost_has_retired_the_file(root: Path) -> None:
    backend = local(root, SystemCalls(rename=losing_replies(os.rename, errno.ENOENT)))
    backend.put_once("a/x", [b"1"])
    backend.retire("a/x")
    assert not backend.exists("a/x")


def test_sweeping_where_there_is_nothing_is_no_error(root: Path) -> None:
    local(root).sweep(before=0)


def test_mapping_can_be_chosen(root: Path) -> None:
    assert not LocalBackend(root, map_files=False).capabilities.maps_files
    assert LocalBackend(root, map_files=True).capabilities.maps_files


def test_what_can_be_mapped_is_told_by_the_file_system_that_a_path_is_on(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n"
        "2 1 0:5 / /mnt/my\\040share rw - nfs4 server:/x rw\n"
        "3 2 0:6 / /mnt/my\\040share/fast rw - tmpfs none rw\n"
    )
    assert file_system_of(Path("/home/x"), mounts=mounts) == "ext4"
    assert file_system_of(Path("/mnt/my share/weights"), mounts=mounts) == "nfs4"
    assert file_system_of(Path("/mnt/my share/fast"), mounts=mounts) == "tmpfs"
    assert file_system_of(Path("/home"), mounts=tmp_path / "absent") == ""
    (tmp_path / "link").symlink_to("/mnt/my share")
    assert file_system_of(tmp_path / "link" / "weights", mounts=mounts) == "nfs4"
    kinds = ("ext4", "tmpfs", "nfs4", "fuse.sshfs", "")
    assert [kind for kind in kinds if maps_well(kind)] == ["ext4", "tmpfs"]


def test_a_directory_is_touched_where_two_changes_may_look_like_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [has_change_counters(kind) for kind in ("ext4", "nfs4", "nfs", "")] == [True, True, False, False]
    monkeypatch.setattr("heredity.store.backends.local.file_system_of", lambda _root: "nfs")
    backend = local(root)
    during = []
    backend.put_once("a/x", [b"1"], before_commit=lambda: during.append((root / "a").stat().st_ctime_ns))
    linked = (root / "a/x").stat().st_ctime_ns
    assert during[0] < linked < (root / "a").stat().st_ctime_ns


def test_a_full_disk_is_told_and_leaves_nothing(small_disk: Path) -> None:
    backend = local(small_disk)
    with pytest.raises(StoreFull, match=r"No space.*Free some space"):
        backend.put_once("a/x", [b"x" * 100_000] * 20)
    assert backend.names("a/") == []
    assert backend.put_once("a/x", [b"x" * 100_000])


def test_a_read_only_disk_can_be_read(small_disk: Path) -> None:
    (backend := local(small_disk)).put_once("a/x", [b"1"])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreLocationError, match="Read-only"):
        backend.put_once("a/y", [b"1"])
    assert backend.exists("a/x")
