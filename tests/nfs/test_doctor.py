"""What the doctor says of real shares: version 3 and 4.2, sync and async, from one machine and from two."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from tests.nfs import acts, examining
from tests.nfs.lab.laboratory import until
from tests.nfs.site import VERSIONS, Share, Site

from heredity.doctor import Finding, Grade, Report, Verdict

pytestmark = pytest.mark.nfs

# On a machine that others use too, these may be slower than is good; and for how long a server keeps a
# deleted file open for a client of version 3 is its own affair.
UNSTEADY = ("latency", "throughput", "seen by others", "export", "deleted while open")


@pytest.fixture(scope="module", params=VERSIONS)
def meeting(request: pytest.FixtureRequest, site: Site) -> tuple[str, Report]:
    """What both clients see together, while the second one's clock is an hour ahead."""
    with site.share(request.param) as share:
        share.c2.call(acts.set_clock, hours_ahead=1)
        try:
            report = met(share)
        finally:
            share.c2.call(acts.set_clock, hours_ahead=-1)
    return share.version, report


def met(share: Share) -> Report:
    """What both clients see together; nothing of it stays."""
    leading = share.c1.begin(examining.led, share.root)
    codes: list[str] = []

    def is_waiting() -> bool:
        codes[:] = [share.server.call(examining.waiting_code, share.on_server)]
        return bool(codes[0])

    until(is_waiting, what="the first machine waits")
    assert share.c2.call(examining.joined, share.root, codes[0]) == 1
    report = leading.result()
    assert share.server.call(examining.names_in, share.on_server) == []
    return report


def named(findings: Iterable[Finding], name: str, *, machine: str = "") -> Finding:
    """The one finding of this name."""
    (found,) = [each for each in findings if (each.name, each.machine) == (name, machine)]
    return found


def test_a_share_is_fit_and_version_3_gets_a_remark(meeting: tuple[str, Report]) -> None:
    version, report = meeting
    mine = [each for each in report.findings if each.machine == "c1" and not each.name.startswith(UNSTEADY)]
    remarks = {finding.name for finding in mine if finding.grade is not Grade.GOOD}
    assert remarks == ({"file system"} if version == "3" else set())
    assert f"NFS version {version}" in named(mine, "file system", machine="c1").seen
    assert report.verdict is not Verdict.UNFIT
    print(f"NFS {version}:", named(report.findings, "export", machine="c1").seen)


def test_two_machines_see_one_another_s_names_at_once(meeting: tuple[str, Report]) -> None:
    version, report = meeting
    assert named(report.findings, "read after write", machine="c2").grade is Grade.GOOD
    assert named(report.findings, "put-once race").seen == "60 names, 2 machines: one winner each"
    for name, machine in (("seen by others", ""), ("deleted while open", "c2")):
        print(f"NFS {version}:", named(report.findings, name, machine=machine).seen)


def test_a_clock_that_is_an_hour_ahead_is_told_by_its_machine(meeting: tuple[str, Report]) -> None:
    clocks = named(meeting[1].findings, "clocks")
    assert (clocks.grade, clocks.seen[:7]) == (Grade.NOTE, "c2 is 3")
    assert 3540 < clocks.measures["apart_seconds"] < 3660


def test_an_async_export_is_seen_on_the_server_and_no_client_claims_to_know(share: Share) -> None:
    share.server.call(examining.export_with, "async")
    try:
        from_client = named(share.c1.call(examining.of_this_machine, share.root), "export")
        on_server = named(share.server.call(examining.of_this_machine, share.on_server), "export")
    finally:
        share.server.call(examining.export_with, "sync")
    assert on_server.grade is Grade.UNFIT
    assert "with async" in on_server.seen
    # A note where the machine is quiet; where it is busy, all syncs may have been slow.
    assert "may be async" in from_client.seen or "no proof" in from_client.seen
    assert "exportfs -v" in from_client.change
    print(f"NFS {share.version}, async:", from_client.grade, from_client.seen)


def test_on_a_server_that_waits_for_its_disk_all_is_well(share: Share) -> None:
    found = share.server.call(examining.of_this_machine, share.on_server)
    assert named(found, "export").grade is Grade.GOOD
    assert named(found, "export option no_root_squash").grade is Grade.NOTE
