"""Mounts that need a namespace of their own: read-only ones, overlays, tmpfs that pretends to be others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heredity.doctor import Finding, Grade
from heredity.doctor.examinations.mounted import findings_of
from heredity.store.backends.posix import Mount

_OVERLAY = """
mkdir lower upper work merged
{prepare}
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work{options} merged
{program}
"""
_MAKE_STORE = """
import numpy as np, heredity.store as s
store = s.open_store("lower")
store.put("father", {"x": np.arange(100_000), "y": np.arange(9)})
store.put("uncle", {"z": np.arange(9)})
"""
_USE_STORE = """
from datetime import timedelta
import numpy as np, heredity.store as s
store = s.open_store("merged")
x = store["father"].tensors()["x"]
store.put("child", {"x": x, "y": np.zeros(9)}, parents=["father"])
store.refs.set("best", "child")
store.drop("uncle")
store.collect(grace=timedelta(0)); store.collect(grace=timedelta(0))
assert store.verify() == [] and list(store) == ["child", "father"], list(store)
assert s.open_store("merged", create=False)["child"].tensors()["x"][-1] == 99_999
"""


def run_in_mounts(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script whose mounts nobody else sees, and that end with it."""
    return subprocess.run(
        ["unshare", "--mount", "bash", "-euc", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def examined(folder: Path, script: str, *, place: str, code: int) -> dict[str, Any]:
    """The report on a place of such a script."""
    done = run_in_mounts(folder, script + f"\n{sys.executable} -m heredity.cli doctor {place} --json\n")
    assert done.returncode == code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder below which things may be mounted."""
    probe = run_in_mounts(tmp_path, "mkdir probe && mount -t tmpfs tmpfs probe")
    if probe.returncode:
        pytest.skip(f"mounting needs root, and a kernel that lets it: {probe.stderr}")
    return tmp_path


def test_a_read_only_mount_is_unfit_and_says_how_to_mend_it(folder: Path) -> None:
    script = "mkdir here && mount --bind here here && mount -o remount,ro,bind here"
    report = examined(folder, script, place="here", code=1)
    assert report["verdict"] == "unfit"
    (option,) = [each for each in report["findings"] if each["name"] == "mount option ro"]
    assert f"remount,rw {folder}/here" in option["change"]
    assert len(report["left_out"]) > 5


def test_an_overlay_keeps_every_promise_but_ends_with_its_container(folder: Path) -> None:
    script = _OVERLAY.format(prepare="", options="", program="")
    report = examined(folder, script, place="merged", code=0)
    assert report["verdict"] == "fit, with remarks"
    grades = {each["name"]: each["grade"] for each in report["findings"]}
    assert grades["file system"] == "note"
    assert {grades[name] for name in ("hard links", "inode numbers", "rename", "put-once race")} == {"good"}


def test_an_overlay_that_never_syncs_is_told(folder: Path) -> None:
    script = _OVERLAY.format(prepare="", options=",volatile", program="")
    report = examined(folder, script, place="merged", code=0)
    assert "mount option volatile" in {each["name"] for each in report["findings"] if each["grade"] == "poor"}


def test_a_store_from_an_image_works_in_a_container(folder: Path) -> None:
    """What lies in the lower layer is read, inherited from, moved away and swept in the upper one."""
    (folder / "make.py").write_text(_MAKE_STORE)
    (folder / "use.py").write_text(_USE_STORE)
    script = _OVERLAY.format(
        prepare=f"{sys.executable} make.py", options="", program=f"{sys.executable} use.py"
    )
    done = run_in_mounts(folder, script)
    assert done.returncode == 0, done.stderr


def of(kind: str, options: str, *, source: str = "server:/export") -> dict[str, Finding]:
    """What a line of the kernel's table means, by name."""
    mount = Mount(Path("/mnt/nfs"), kind, source, tuple(options.split(",")))
    return {finding.name: finding for finding in findings_of(mount, kernel="6.1")}


def test_nfs_4_2_with_default_options_is_good() -> None:
    options = (
        "rw,relatime,vers=4.2,rsize=1048576,wsize=1048576,hard,proto=tcp,timeo=600,retrans=2,local_lock=none"
    )
    assert {name: f.grade for name, f in of("nfs4", options).items()} == {"file system": Grade.GOOD}


def test_nfs_3_is_safe_and_slower() -> None:
    found = of("nfs", "rw,vers=3,rsize=1048576,hard,nolock,local_lock=all")
    assert found["file system"].grade is Grade.NOTE
    assert "next tick of the server's clock" in found["file system"].expected
    assert "the store takes no locks" in found["other mount options"].seen


@pytest.mark.parametrize(
    ("options", "name", "grade"),
    [
        ("nocto", "nocto", Grade.UNFIT),
        ("nocto,lookupcache=none", "nocto", Grade.POOR),
        ("soft", "soft", Grade.POOR),
        ("softerr", "softerr", Grade.POOR),
        ("sync,noac", "noac", Grade.NOTE),
        ("sync", "sync", Grade.NOTE),
        ("lookupcache=pos", "lookupcache=pos", Grade.NOTE),
        ("lookupcache=none", "lookupcache=none", Grade.NOTE),
        ("proto=udp", "proto=udp", Grade.POOR),
        ("wsize=8192", "wsize", Grade.NOTE),
        ("ro", "ro", Grade.UNFIT),
    ],
)
def test_each_option_that_matters_is_named_with_what_to_do(options: str, name: str, grade: Grade) -> None:
    finding = of("nfs4", f"vers=4.2,{options}")[f"mount option {name}"]
    assert (finding.grade, bool(finding.expected), bool(finding.change)) == (grade, True, True)


def test_times_of_caches_are_safe() -> None:
    found = of("nfs4", "rw,vers=4.2,acregmin=1,acregmax=1,acdirmin=1,acdirmax=1")
    assert found["other mount options"].grade is Grade.GOOD
    assert "acdirmax=1 (safe, and not needed)" in found["other mount options"].seen


def test_an_unknown_version_and_an_unknown_file_system_have_not_been_tried() -> None:
    assert "has not been tried" in of("nfs4", "rw,vers=4.0")["file system"].expected
    assert "have not been tried" in of("cifs", "rw", source="//server/share")["file system"].expected


def test_a_disk_without_barriers_is_poor() -> None:
    found = of("ext4", "rw,relatime,nobarrier", source="/dev/sda1")
    assert (found["file system"].grade, found["mount option nobarrier"].grade) == (Grade.GOOD, Grade.POOR)
