"""A process that saves and loads on command: for Orbax, which needs JAX, and to measure memory.

Commands come as lines of JSON on its input, ``{"do": "save", "path": …}``; each is answered by a line on its
output.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Self, TextIO

from store_models import MODELS, Arrays, touch


class Service:
    """One side; each public method is a command."""

    def __init__(self, side_name: str) -> None:
        from store_sides import SIDES

        self._side = SIDES[side_name]()
        self._father: Arrays = {}
        self._loaded: Arrays = {}

    def make(self, model: str) -> None:
        self._father = self._side.own(MODELS[model].values(seed=0))

    def prepare(self, path: str) -> None:
        self._side.prepare(Path(path))

    def save(self, path: str) -> None:
        self._side.save(Path(path), self._father)

    def load(self, path: str) -> None:
        self._loaded = self._side.load(Path(path))

    def touch(self) -> None:
        touch(self._loaded)

    def forget(self) -> None:
        self._father, self._loaded = {}, {}
        gc.collect()


def serve(service: Service, *, replies: TextIO) -> None:
    for line in sys.stdin:
        command = json.loads(line)
        getattr(service, command.pop("do"))(**command)
        print('"done"', file=replies, flush=True)


class Worker:
    """The other end of such a process."""

    def __init__(self, side: str, *, python: str = sys.executable) -> None:
        command = [python, __file__, "--side", side]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.pid = self._process.pid

    def send(self, do: str, **arguments: object) -> None:
        assert self._process.stdin
        line = json.dumps({"do": do, **{name: str(value) for name, value in arguments.items()}})
        print(line, file=self._process.stdin, flush=True)

    @property
    def is_ready(self) -> bool:
        """Whether the answer has come."""
        assert self._process.stdout
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def receive(self) -> None:
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise RuntimeError(f"The worker {self._process.args!r} has ended.")

    def ask(self, do: str, **arguments: object) -> None:
        self.send(do, **arguments)
        self.receive()

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", required=True)
    arguments = parser.parse_args()
    # Libraries print what they like; the replies go where nobody else writes.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Service(arguments.side), replies=replies)


if __name__ == "__main__":
    main()
