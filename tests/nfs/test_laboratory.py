"""The laboratory itself: two do not meet, nothing is left of one, and it says what it lacks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.nfs.lab.laboratory import CLIENTS, SERVER, Laboratory
from tests.nfs.lab.remote import GuestError
from tests.nfs.site import Site

pytestmark = pytest.mark.nfs


def test_two_laboratories_do_not_meet_and_nothing_is_left_of_one(site: Site) -> None:
    with Laboratory() as other:
        other.shell("c1", "touch /run/here")
        with pytest.raises(GuestError, match="No such file"):
            site.laboratory.shell("c1", "ls /run/here")
        process_ids = other.process_ids()
        assert len(process_ids) == len((SERVER, *CLIENTS))
    assert not other.state.exists()
    assert not any(Path("/proc", str(each)).exists() for each in process_ids)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(GuestError, match="cannot run here: it needs to be root"):
        Laboratory()
