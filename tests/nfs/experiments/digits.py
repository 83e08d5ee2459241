"""The demo's family on two machines: a father on the first, children of other architectures on the second.

python -m tests.nfs.experiments.digits [VERSION OF NFS]

Each guest has one slow processor, so that this takes minutes; it is no test of CI's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.nfs.experiments import programs
from tests.nfs.lab.laboratory import Laboratory
from tests.nfs.site import VERSIONS, Share, Site

import heredity as hd
from heredity.store import Store, open_store

DEMO = Path(__file__).parents[3] / "examples" / "father_and_children"
FATHER = "first/father@1"
PARAMETERS = {"images": "digits", "batch": 32, "rate": 0.05, "heir_rate": 0.003, "weight_decay": 0.005}
PATIENCE_SECONDS = 1800.0


def train_child(trial: hd.Trial) -> float:
    """Wait for the father of the other machine, take over his weights, train as the demo does, save."""
    sys.path.insert(0, str(DEMO))
    from network import ResidualNetwork
    from train import accuracy, steps

    from data import load_images

    images = load_images(trial.parameters["images"])
    network = ResidualNetwork(trial.parameters["width"], trial.parameters["depth"], images.num_classes)
    example = images.test_x[:64]
    inheritance = hd.inherit(
        network, trial.store.wait(FATHER, timeout=PATIENCE_SECONDS), example_inputs=(example,)
    )
    print(inheritance, flush=True)
    trial.report(accuracy(network, images), step=0, metrics={"is_exact": float(inheritance.is_exact)})
    for step in steps(trial, network, images):
        trial.report(0.0, step=step)
    trial.save(network, example_inputs=(example,), inherited=inheritance)
    return accuracy(network, images)


def run_family(share: Share) -> bool:
    """Both experiments at the same time; print what came of them, and whether all is well."""
    share.c1.call(open_store, share.root / "store")
    father = {"father": {**PARAMETERS, "width": 16, "depth": 2, "epochs": 3, "report_every": 7}}
    children = {
        "wider": {**PARAMETERS, "width": 24, "depth": 2, "epochs": 1},
        "deeper": {**PARAMETERS, "width": 16, "depth": 3, "epochs": 1},
    }
    first, second = share.root / "first", share.root / "second"
    share.c1.call(programs.write_file, first, name="first", does=f"{DEMO}/train.py:train", trials=father)
    share.c2.call(programs.write_file, second, name="second", does=f"{__file__}:train_child", trials=children)
    begun = time.monotonic()
    words = ("run", "experiment.yml", "--directory", "run")
    commands = [
        share.c2.begin(programs.heredity, second, *words),
        share.c1.begin(programs.heredity, first, *words),
    ]
    outcomes = [command.result(timeout=PATIENCE_SECONDS) for command in commands]
    print(f"NFS {share.version}: {time.monotonic() - begun:.0f} s", *(said for _, said in outcomes), sep="\n")
    for journal in share.server.call(programs.texts_of, share.on_server, "*/run/journal.jsonl"):
        for event in map(json.loads, journal.splitlines()):
            if event["event"] == "TrialCompleted" or event.get("step") == 0:
                print({name: event.get(name) for name in ("trial", "step", "value", "score", "metrics")})
    store = share.c2.keep(open_store, share.root / "store")
    damaged = share.c2.call(Store.verify, store)
    print("damaged:", damaged)
    return not damaged and not any(code for code, _ in outcomes)


if __name__ == "__main__":
    with Laboratory() as laboratory:
        site = Site(laboratory)
        for chosen in sys.argv[1:] or VERSIONS:
            with site.share(chosen) as made:
                assert run_family(made)
