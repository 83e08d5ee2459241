"""NNI's example on the machines of a Ray cluster, which have nothing in common but a directory on NFS."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.nfs.experiments import programs
from tests.nfs.lab.laboratory import CLIENTS, Laboratory
from tests.nfs.lab.network import DATA, number_of
from tests.nfs.site import VERSIONS, Share, Site

# Ray takes a minute to start on a guest with one slow processor.
pytestmark = [pytest.mark.nfs, pytest.mark.slow]

CLIENT_MB = 3072
"""Half of it is the guest's /dev/shm."""
START_SECONDS = RUN_SECONDS = 600.0
RAY = Path(sys.executable).with_name("ray")
HEAD, PORT = f"{DATA}.{number_of(CLIENTS[0])}", 6379
OPTIONS = "--num-cpus=1 --disable-usage-stats --object-store-memory=100000000"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Site]:
    """Two machines with NFS, each a node of one Ray cluster."""
    with Laboratory(client_mb=CLIENT_MB) as laboratory:
        made = Site(laboratory)
        for name in CLIENTS:
            role = f"--head --port={PORT}" if name == CLIENTS[0] else f"--address={HEAD}:{PORT}"
            address = f"--node-ip-address={DATA}.{number_of(name)}"
            waits = "RAY_raylet_start_wait_time_s=300"
            laboratory.shell(name, f"{waits} {RAY} start {role} {address} {OPTIONS}", timeout=START_SECONDS)
        yield made


@pytest.fixture(params=VERSIONS)
def share(request: pytest.FixtureRequest, cluster: Site) -> Iterator[Share]:
    """An empty folder that both machines see, by each version of NFS."""
    with cluster.share(request.param) as share:
        yield share


def test_a_file_for_remote_machines_runs_on_all_nodes_of_the_cluster(share: Share) -> None:
    folder = share.root / "example"
    program = f"{sys.executable} main.py"
    share.c1.call(
        programs.copy_example,
        folder,
        training_seconds=0.5,
        num_trials=4,
        program=program,
        platform="remote",
    )
    begun = time.monotonic()
    words = [
        "run",
        "config.yml",
        "--executor",
        "ray",
        "--ray-address",
        f"{HEAD}:{PORT}",
        "--directory",
        "run",
    ]
    code, said = share.c1.begin(programs.heredity, folder, *words).result(timeout=RUN_SECONDS)
    print(f"NFS {share.version}: four trials on two nodes in {time.monotonic() - begun:.1f} s")
    assert code == 0, said
    assert "trainingServicePlatform: remote: the machines of the Ray cluster" in said
    lines = share.c2.call(programs.texts_of, folder, "run/nni/*/.nni/metrics")
    checksums = [json.loads(line)["value"]["checksum"] for text in lines for line in text.splitlines()]
    assert (len(checksums), len(set(checksums))) == (4, 1)
    logs = share.c2.call(programs.texts_of, folder, "run/logs/*.log")
    assert {log.splitlines()[0] for log in logs} == set(CLIENTS)
