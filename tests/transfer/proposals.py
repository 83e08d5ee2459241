"""As many random proposals as one likes, refused or measured: `python -m tests.transfer.proposals COUNT`.

The tests try 600 of them, and the slow ones 3,000. This is the same with other seeds, over more members of
each kind; it goes on behind a false claim, and says how many there were.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import torch
from tests.transfer.test_proof_is_sound import certified

from heredity.testing.architectures import KINDS

FIRST_SEED = 10_000
"""Behind those of the tests."""


def main() -> None:
    """Try the proposals, kind by kind, and end with 1 if a claim was false."""
    options = _options()
    torch.set_num_threads(1)
    began = time.monotonic()
    found: Counter[str] = Counter()
    kinds = sorted(KINDS)
    for number, kind in enumerate(kinds):
        # The remainder goes to the first kinds, so that there are just as many as were asked for.
        runs = options.proposals // len(kinds) + (number < options.proposals % len(kinds))
        found += tried(kind, range(options.first, options.first + runs), families=options.families)
        print(f"{time.monotonic() - began:.0f} s: {kind}, so far {dict(found)}", flush=True)
    sys.exit(found["false claims"] > 0)


def tried(kind: str, seeds: range, *, families: int) -> Counter[str]:
    """How many proposals there were, how many were claimed to be exact, and how many of these falsely."""
    found = Counter({"proposals": len(seeds)})
    for seed in seeds:
        try:
            certificate = certified(kind, seed, families)
        except AssertionError as error:
            found["false claims"] += 1
            print(error, flush=True)
        else:
            found["exact"] += certificate.is_exact
            found["exact in train mode too"] += certificate.is_exact_in_training
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("proposals", type=int, help="how many in all")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first seed of each kind")
    parser.add_argument("--families", type=int, default=5, help="pairs of networks of each kind")
    return parser.parse_args()


if __name__ == "__main__":
    main()
