"""Whoever reads while another machine deletes gets the right bytes or a typed error, and never dies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.nfs import acts
from tests.nfs.lab.remote import Interpreter
from tests.nfs.site import Share

from heredity.errors import HeredityError, StoreLocationError, StoreUnavailable
from heredity.store import Checkpoint, LocalBackend, Store, open_store

pytestmark = pytest.mark.nfs

MEGABYTE = 1 << 20


def test_files_are_copied_and_not_mapped(share: Share) -> None:
    """NFSv3 kills a process that touches a page of a file that is gone."""
    backend = share.c1.keep(acts.make_backend, share.root)
    assert not share.c1.call(acts.maps_files, backend)


def test_a_reader_goes_on_when_its_file_is_retired(share: Share) -> None:
    first = share.c1.keep(acts.make_backend, share.root)
    second = share.c2.keep(LocalBackend, share.root)
    share.c1.call(acts.put, first, "a/x", b"0123456789" * MEGABYTE)
    blob = share.c2.keep(acts.open_blob, second, "a/x")
    assert share.c2.call(acts.read, blob, 0, 10) == b"0123456789"
    share.c1.call(LocalBackend.retire, first, "a/x")
    # Not read ahead, and not in this machine's cache.
    assert share.c2.call(acts.read, blob, 9 * MEGABYTE, 9 * MEGABYTE + 7) == (b"0123456789" * 2)[4:11]
    assert share.c2.call(LocalBackend.open, second, "a/x") is None


def test_a_reader_whose_file_is_deleted_gets_its_bytes_or_a_typed_error(share: Share) -> None:
    first = share.c1.keep(acts.make_backend, share.root)
    second = share.c2.keep(LocalBackend, share.root)
    share.c1.call(acts.put, first, "a/x", b"0123456789" * MEGABYTE)
    blob = share.c2.keep(acts.open_blob, second, "a/x")
    share.c1.call(LocalBackend.retire, first, "a/x")
    share.c1.call(acts.sweep_all, first)
    try:
        came = share.c2.call(acts.read, blob, 5 * MEGABYTE, 5 * MEGABYTE + 10)
    except StoreUnavailable as error:
        print(f"NFS {share.version}: the reader of a deleted file is told: {error.message}")
        return
    print(f"NFS {share.version}: the reader of a deleted file reads on")
    assert came == b"0123456789"


def test_weights_survive_the_collection_of_their_checkpoint(share: Share) -> None:
    """What was loaded stays; what was not is there or is a typed error."""
    first, second = share.c1.keep(open_store, share.root), share.c2.keep(open_store, share.root)
    share.c1.call(acts.save, first, "x", megabytes=8, value=7)
    tensors = share.c2.keep(acts.load, second, "x")
    checkpoint = share.c2.keep(Store.__getitem__, second, "x")
    share.c1.call(Store.drop, first, "x")
    collected = share.c1.call(Store.collect, first, grace=timedelta(0))
    assert [freed.key for freed in collected.freed] == ["x"]
    share.c1.call(Store.collect, first, grace=timedelta(0))
    assert share.c2.call(acts.is_filled_with, tensors, 7)
    assert reads_or_says_why(share.c2, checkpoint)
    with pytest.raises(HeredityError, match="dropped"):
        share.c2.call(acts.value_of, second, "x")


def reads_or_says_why(python: Interpreter, checkpoint: Checkpoint) -> bool:
    try:
        return python.call(acts.is_filled_with, python.keep(acts.tensors_of, checkpoint), 7)
    except HeredityError:
        return True


def test_a_read_only_mount_can_be_read(share: Share) -> None:
    first = share.c1.keep(open_store, share.root)
    share.c1.call(acts.save, first, "x", megabytes=1, value=7)
    laboratory, folder = share.site.laboratory, f"/mnt/read-only-{share.version}"
    laboratory.mount("c2", folder, version=share.version, options="ro")
    second = share.c2.keep(open_store, f"{folder}/{share.folder}")
    assert share.c2.call(acts.value_of, second, "x") == 7
    with pytest.raises(StoreLocationError, match="Read-only"):
        share.c2.call(acts.save, second, "y", megabytes=1, value=8)
    laboratory.unmount("c2", folder)
