"""Two machines, that is network namespaces, and a cable between them that is cut without a word."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]

HEAD, OTHER, DEVICE = "hd-ray-head", "hd-ray-other", "hd-ray0"
RAY = str(Path(sys.executable).parent / "ray")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def inside(namespace: str, *command: str, seconds: float) -> str:
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, *command],
        env=os.environ | {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1", "RAY_ADDRESS": ""},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder_of_ray() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield folder  # a test's own would be too long for the names of its sockets


@pytest.fixture
def machines() -> Iterator[None]:
    for namespace in (HEAD, OTHER):
        ip("netns", "add", namespace)
    ip("-n", HEAD, "link", "add", DEVICE, "type", "veth", "peer", "name", DEVICE, "netns", OTHER)
    for number, namespace in enumerate((HEAD, OTHER), start=1):
        ip("-n", namespace, "addr", "add", f"10.231.7.{number}/24", "dev", DEVICE)
        ip("-n", namespace, "link", "set", DEVICE, "up")
        ip("-n", namespace, "link", "set", "lo", "up")
    yield
    for namespace in (HEAD, OTHER):
        pids = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=True)
        for pid in pids.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        ip("netns", "del", namespace)


@pytest.mark.usefixtures("machines")
def test_a_machine_that_is_cut_off_is_lost_in_under_a_minute(tmp_path: Path, folder_of_ray: str) -> None:
    """The machines were started with Ray's own settings, with which it was seen to take seven minutes."""
    start = [RAY, "start", "--num-cpus=1", "--disable-usage-stats", f"--temp-dir={folder_of_ray}"]
    head = ["--head", "--node-ip-address=10.231.7.1", "--port=6399", "--include-dashboard=false"]
    inside(HEAD, *start, *head, seconds=120)
    other = ["--address=10.231.7.1:6399", "--node-ip-address=10.231.7.2", '--resources={"trial": 1}']
    inside(OTHER, *start[:-1], *other, seconds=120)
    directory = tmp_path / "run"
    directory.mkdir()
    cut = [sys.executable, str(Path(__file__).with_name("cut.py"))]
    output = inside(HEAD, *cut, "10.231.7.1:6399", DEVICE, str(directory), seconds=400)
    told = json.loads(output.partition("told ")[2].splitlines()[0])
    print(told)
    assert told["seconds"] < 60
    assert told["reason"]  # its silence, or Ray's own word: whichever comes first
