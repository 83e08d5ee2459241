"""Experiments whose trials run on two machines, with all that they share on NFS."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from tests.nfs import acts, looks
from tests.nfs.experiments import on_machine, programs
from tests.nfs.lab.guest import CONTROL_PORT
from tests.nfs.lab.laboratory import CLIENTS, until
from tests.nfs.lab.network import CONTROL, number_of
from tests.nfs.lab.remote import Interpreter, Pending
from tests.nfs.site import VERSIONS, Share, Site
from tests.nfs.test_faults import revive_server

from heredity.errors import ExperimentBusy
from heredity.journal import Journal
from heredity.store import Store, open_store

pytestmark = pytest.mark.nfs

OUTAGE_SECONDS = 30.0
PATIENCE_SECONDS = 400.0
"""For what takes ten seconds on a machine that does nothing else."""
FATHER = "first/father@1"

MACHINES = ",".join(f"{CONTROL}.{number_of(client)}:{CONTROL_PORT}" for client in CLIENTS)
ON_ONE_OF_THEM = (
    f"{sys.executable} -S {Path(on_machine.__file__)} {MACHINES} {sys.executable} -S main.py"  # by turns
)

# Each takes a while: one version for every change, the other one in `make test-nfs-slow`.
OTHER, NEWEST = VERSIONS
ONE_IS_SLOW = [pytest.param(OTHER, marks=pytest.mark.slow), NEWEST]


@pytest.fixture(params=ONE_IS_SLOW)
def share(request: pytest.FixtureRequest, site: Site) -> Iterator[Share]:
    """An empty folder that both clients see."""
    with site.share(request.param) as share:
        yield share


def test_the_example_runs_on_two_machines_as_it_is(share: Share) -> None:
    folder = share.root / "example"
    share.c1.call(programs.copy_example, folder, training_seconds=0.5, num_trials=4, program=ON_ONE_OF_THEM)
    begun = time.monotonic()
    running = share.c1.begin(programs.heredity, folder, "run", "config.yml", "--directory", "run")
    code, said = running.result(timeout=PATIENCE_SECONDS)
    print(f"NFS {share.version}: four trials in {time.monotonic() - begun:.1f} s")
    assert code == 0, said
    lines = share.c1.call(programs.texts_of, folder, "run/nni/*/.nni/metrics")
    checksums = [json.loads(line)["value"]["checksum"] for text in lines for line in text.splitlines()]
    assert (len(checksums), len(set(checksums))) == (4, 1)
    logs = share.c2.call(programs.texts_of, folder, "run/logs/*.log")
    assert len({log.splitlines()[1] for log in logs}) == 2  # below the driver's name


Command = Pending[tuple[int, str]]


def begin(share: Share, name: str, *, does: str, trials: Mapping[str, object]) -> Command:
    """Begin an experiment: the first one on the first client, any other on the second."""
    python = share.c1 if name == "first" else share.c2
    python.call(programs.write_file, share.root / name, name=name, does=does, trials=trials)
    return python.begin(programs.heredity, share.root / name, "run", "experiment.yml", "--directory", "run")


def begin_father(share: Share, *, awaits: Sequence[str] = ()) -> Command:
    """He saves when so many files are in a folder that others write to."""
    awaited = {"folder": str(share.root / "second"), "names": [f"{name}.waits" for name in awaits]}
    trials = {"father": {"megabytes": 60, **awaited}}
    return begin(share, "first", does="save_weights", trials=trials)


def wait_for_bytes(share: Share) -> None:
    """Return when something of the father's weights is on the server."""
    store = share.on_server / "store"
    until(
        lambda: share.server.call(acts.tmp_bytes, store) > 1_000_000,
        what="he saves",
        timeout=PATIENCE_SECONDS,
    )


def scores(share: Share, experiment: str) -> list[float]:
    """Of the completed trials of an experiment, by its journal."""
    (journal,) = share.server.call(programs.texts_of, share.on_server, f"{experiment}/run/journal.jsonl")
    events = map(json.loads, journal.splitlines())
    return [event["score"] for event in events if event["event"] == "TrialCompleted"]


def test_children_on_another_machine_see_their_father_at_once(share: Share) -> None:
    """They had looked for him before; the server is gone for half a minute while he saves."""
    share.c1.call(open_store, share.root / "store")
    names = ("son", "daughter")
    trials = {name: {"father": FATHER} for name in names}
    children = begin(share, "second", does="wait_and_take_over", trials=trials)
    father = begin_father(share, awaits=names)
    wait_for_bytes(share)
    share.site.kill("server")
    time.sleep(OUTAGE_SECONDS)
    revive_server(share)
    began = time.time()
    # Each kernel asks again for its server when it will: of a machine that is deaf nobody sees anything.
    answered_at = share.c2.call(looks.answered_at, share.mount)
    for command in (father, children):
        code, said = command.result(timeout=PATIENCE_SECONDS)
        assert code == 0, said
    print(f"NFS {share.version}: all ended {time.time() - began:.1f} s after the server was back")
    (saved_at,) = (at - looks.seconds_ahead(share.c1) for at in scores(share, "first"))
    ahead = looks.seconds_ahead(share.c2)
    possible_at = max(saved_at, answered_at - ahead)
    delays = [seen_at - ahead - possible_at for seen_at in scores(share, "second")]
    times = f"saved {saved_at - began:.1f} s, c2 heard {answered_at - ahead - began:.1f} s after its return"
    print(f"NFS {share.version}: {times}")
    print(f"NFS {share.version}: seen {min(delays):.3f} to {max(delays):.3f} s after both")
    assert len(delays) == 2
    assert max(delays) < 2  # these guests start processes meanwhile; `test_visibility.py` asks for one second
    store = share.c2.keep(open_store, share.root / "store")
    assert share.c2.call(Store.verify, store) == []


def die_while_saving(share: Share) -> Store:
    """Cut the power of the father's machine while he saves; return the store as the other one sees it."""
    share.c1.call(open_store, share.root / "store")
    begin_father(share)
    wait_for_bytes(share)
    share.site.kill("c1")
    store = share.c2.keep(open_store, share.root / "store")
    assert not share.c2.call(acts.has, store, FATHER)
    assert share.c2.call(Store.verify, store) == []
    return store


def resume(share: Share, python: Interpreter, *words: str) -> tuple[int, str]:
    """Go on with the father's experiment."""
    words = ("resume", "run", *words)
    return python.begin(programs.heredity, share.root / "first", *words).result(timeout=PATIENCE_SECONDS)


def is_busy(outcome: tuple[int, str]) -> bool:
    """Whether its journal was locked."""
    return "being written by another process" in outcome[1]


def resume_when_free(share: Share, python: Interpreter) -> tuple[int, str]:
    """Try until the server knows that the dead machine's locks are void."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_busy(outcome := resume(share, python)):
        assert time.monotonic() < deadline
    return outcome


def test_a_machine_that_dies_while_its_trial_saves_goes_on_where_it_was(share: Share) -> None:
    """It tells the server itself that it was away: on version 3 a moment after its start."""
    store = die_while_saving(share)
    share.site.revive("c1")
    code, said = resume_when_free(share, share.c1)
    assert code == 0, said
    assert share.c2.call(acts.has, store, FATHER.replace("@1", "@2"))
    assert share.c2.call(Store.verify, store) == []


@pytest.mark.parametrize("share", [OTHER, pytest.param(NEWEST, marks=pytest.mark.slow)], indirect=True)
def test_another_machine_goes_on_for_one_that_never_comes_back(share: Share) -> None:
    """Version 4 frees the journal when the dead one's lease is over; version 3 never does, and is told."""
    store = die_while_saving(share)
    if share.version == OTHER:
        with pytest.raises(ExperimentBusy, match="--driver-is-gone"):
            share.c2.keep(Journal.open_for_append, share.root / "first" / "run" / "journal.jsonl")
        code, said = resume(share, share.c2, "--driver-is-gone")
    else:
        code, said = resume_when_free(share, share.c2)
    assert code == 0, said
    assert share.c2.call(acts.has, store, FATHER.replace("@1", "@2"))
    assert share.c2.call(Store.verify, store) == []
