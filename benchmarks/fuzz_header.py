"""Fuzz the readers of safetensors headers and manifests, led by coverage: only errors of ours may come out.

    python benchmarks/fuzz_header.py --seconds 600

Needs atheris, which has wheels for some versions of Python only: pip install -c constraints.txt --group fuzz.
A finding ends the run and is left in the working directory as crash-…; give it as an argument to repeat it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["heredity.store", "heredity.encoding", "heredity.ids"]):
    from heredity.testing.damage import damaged
    from heredity.testing.reading import read_everything, seeds

_MAX_BYTES = 200_000


def _mutated(data: bytes, max_size: int, seed: int) -> bytes:
    random = Random(seed)
    changed = damaged(data, random) if random.random() < 0.8 else bytes(atheris.Mutate(data, max_size))
    return changed[:max_size]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("files", nargs="*", help="Run these alone, as a finding that was left behind.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as corpus:
        for number, content in enumerate(seeds()):
            (Path(corpus) / str(number)).write_bytes(content)
        options = [f"-max_total_time={arguments.seconds}", f"-max_len={_MAX_BYTES}", "-timeout=20"]
        options += ["-rss_limit_mb=2048", "-print_final_stats=1"]
        atheris.Setup(
            [sys.argv[0], *options, *(arguments.files or [corpus])],
            read_everything,
            custom_mutator=_mutated,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
