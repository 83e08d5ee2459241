"""One trial: the father fills a file with random bytes, a child reads it; both report its checksum.

It knows NNI's names and nothing else. The files go below $SHARED_DIRECTORY, a folder that all machines see.
"""

import hashlib
import os
import random
import time
from pathlib import Path

import nni

SHARED = Path(os.environ.get("SHARED_DIRECTORY", Path(__file__).parent / "shared"))
TRAINING_SECONDS = float(os.environ.get("TRAINING_SECONDS", "10"))


def father(number: int) -> None:
    folder = SHARED / nni.get_experiment_id() / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.dat"
    path.write_bytes(os.urandom(random.randint(1024, 102400)))
    time.sleep(TRAINING_SECONDS)
    nni.report_final_result({"checksum": checksum(path, number), "path": str(path)})


def child(path: Path, father_number: int) -> None:
    time.sleep(TRAINING_SECONDS)
    nni.report_final_result({"checksum": checksum(path, father_number)})


def checksum(path: Path, number: int) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest() + str(number)


if __name__ == "__main__":
    parameters = nni.get_next_parameter()
    if "prev_path" in parameters:
        child(Path(parameters["prev_path"]), parameters["prev_id"])
    else:
        father(parameters["id"])
