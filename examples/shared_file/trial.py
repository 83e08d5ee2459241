"""The oldest example of weight sharing: a father writes a file, his children read it and check it.

The father fills a file in the experiment's directory with random bytes. What the file must contain travels
another way, as the metadata of a checkpoint; a child that reads other bytes fails its trial, and so the run.
"""

from __future__ import annotations

import hashlib
import os
import random

import heredity as hd

FILE_NAME = "weights.bin"


def train(trial: hd.Trial) -> None:
    if trial.parent is None:
        write(trial)
    else:
        read(trial)


def write(trial: hd.Trial) -> None:
    content = random.randbytes(trial.parameters["num_bytes"])
    path = trial.directory / FILE_NAME
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    trial.save_tensors({}, metadata={"sha256": hashlib.sha256(content).hexdigest()})


def read(trial: hd.Trial) -> None:
    parent = trial.parent
    assert parent is not None
    content = (trial.directory / FILE_NAME).read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    print(f"{trial.id}: {len(content)} bytes, sha256 {checksum}")
    trial.save_tensors({}, metadata={"sha256": checksum})
    if checksum != parent.metadata["sha256"]:
        raise ValueError(f"{trial.id} read {checksum}, its father wrote {parent.metadata['sha256']}")
