"""A trial function that writes down where it finds itself."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import heredity as hd


def surroundings(trial: hd.Trial) -> float:
    told = {
        "devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "cores": sorted(os.sched_getaffinity(0)),
    }
    aside = Path(trial.directory, f"{trial.id}.aside")
    aside.write_text(json.dumps(told))
    aside.rename(Path(trial.directory, f"{trial.id}.json"))
    while len(list(Path(trial.directory).glob("*.json"))) < 2:  # both at the same time
        time.sleep(0.01)
    return 1.0
