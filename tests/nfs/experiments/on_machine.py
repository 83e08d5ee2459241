"""Runs a trial's program on one of several guests, by turns, as NNI's remote platform did.

python on_machine.py HOST:PORT,HOST:PORT PROGRAM...

It imports little, since each trial starts it anew on a slow machine.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys

NAMES = ("NNI_", "HEREDITY_TRIAL", "PYTHONPATH", "TRAINING_SECONDS", "SHARED_DIRECTORY", "PATH")
TIMEOUT_SECONDS = 300.0


def main(addresses: list[str], program: list[str]) -> int:
    """Run it where its turn is, by the guest's control port; return its exit code."""
    host, _, port = addresses[int(os.environ["NNI_TRIAL_SEQ_ID"]) % len(addresses)].partition(":")
    print("on", host, flush=True)
    variables = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(NAMES)]
    words = shlex.join(["env", "-i", *variables, *program])  # the channel does not go along
    request = {"command": ["/bin/sh", "-c", f"exec {words}"], "folder": os.environ["NNI_CODE_DIR"]}
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(json.dumps({**request, "timeout": TIMEOUT_SECONDS}).encode() + b"\n")
        with connection.makefile("rb") as replies:
            code, output = json.loads(replies.readline())
    print(output, end="")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].split(","), sys.argv[2:]))
