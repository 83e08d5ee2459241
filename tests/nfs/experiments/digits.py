"""The demo's family on two machines: a father on the first, children of other architectures on the second.

python -m tests.nfs.experiments.digits [VERSION OF NFS]

Each guest has one slow processor, and imports torch in ten seconds: the whole demo takes many minutes. The
test of it has the same trials, smaller and with few steps.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Family:
    """The hyperparameters of a father and his children, by name."""

    father: Mapping[str, object]
    children: Mapping[str, Mapping[str, object]]


WHOLE = Family(
    {"width": 16, "depth": 2, "epochs": 3, "report_every": 7},
    {"wider": {"width": 24, "depth": 2, "epochs": 1}, "deeper": {"width": 16, "depth": 3, "epochs": 1}},
)
# Eight steps, and the score is that after the last one.
_FEW = {"num_train": 256, "epochs": 1, "report_every": 8}
SMALL = Family(
    {"width": 4, "depth": 1, **_FEW},
    {"wider": {"width": 6, "depth": 1, **_FEW}, "deeper": {"width": 4, "depth": 2, **_FEW}},
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a family."""

    said: str
    is_well: bool
    """Whether both experiments ended with 0."""
    events: list[dict[str, object]]
    """Of both journals."""
    num_damaged: int
    """Checkpoints that are not what was saved."""

    def values(self, kind: str, name: str) -> dict[object, object]:
        """One value of each trial's event of a kind, of its first report in the case of reports."""
        chosen = [event for event in self.events if event["event"] == kind and not event.get("step")]
        return {event["trial"]: event.get(name) for event in chosen}


def train_child(trial: hd.Trial) -> float:
    """Wait for the father of the other machine, take over his weights, train as the demo does, save."""
    sys.path.insert(0, str(DEMO))
    from network import ResidualNetwork
    from train import accuracy, steps

    from data import load_images

    images = load_images(trial.parameters["images"], num_train=trial.parameters.get("num_train"))
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


def run_family(share: Share, family: Family) -> Outcome:
    """Run both experiments at the same time."""
    share.c1.call(open_store, share.root / "store")
    father = {"father": {**PARAMETERS, **family.father}}
    children = {name: {**PARAMETERS, **own} for name, own in family.children.items()}
    first, second = share.root / "first", share.root / "second"
    share.c1.call(programs.write_file, first, name="first", does=f"{DEMO}/train.py:train", trials=father)
    share.c2.call(programs.write_file, second, name="second", does=f"{__file__}:train_child", trials=children)
    words = ("run", "experiment.yml", "--directory", "run")
    commands = [
        share.c1.begin(programs.heredity, first, *words),
        share.c2.begin(programs.heredity, second, *words),
    ]
    outcomes = []
    for command in commands:
        outcomes.append(command.result(timeout=PATIENCE_SECONDS))
        if outcomes[-1][0]:
            break  # the others would wait for him
    store = share.c2.keep(open_store, share.root / "store")
    journals = share.server.call(programs.texts_of, share.on_server, "*/run/journal.jsonl")
    return Outcome(
        said="\n".join(said for _, said in outcomes),
        is_well=not any(code for code, _ in outcomes),
        events=[json.loads(line) for journal in journals for line in journal.splitlines()],
        num_damaged=len(share.c2.call(Store.verify, store)),
    )


if __name__ == "__main__":
    with Laboratory() as laboratory:
        site = Site(laboratory)
        for chosen in sys.argv[1:] or VERSIONS:
            with site.share(chosen) as made:
                begun = time.monotonic()
                outcome = run_family(made, WHOLE)
                print(f"NFS {chosen}: {time.monotonic() - begun:.0f} s", outcome.said, sep="\n")
                print("at step 0:", outcome.values("TrialReported", "value"))
                print("in the end:", outcome.values("TrialCompleted", "score"))
                assert outcome.is_well
                assert not outcome.num_damaged
