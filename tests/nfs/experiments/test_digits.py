"""The demo, a father and children of other architectures, where each has a machine of its own."""

from __future__ import annotations

import time
from typing import cast

import pytest
from tests.nfs.experiments.digits import SMALL, run_family
from tests.nfs.site import Share

# Of its minutes nearly all go by while guests with one slow processor import torch.
pytestmark = [pytest.mark.nfs, pytest.mark.slow]


def test_children_on_another_machine_begin_with_what_their_father_has_learnt(share: Share) -> None:
    begun = time.monotonic()
    outcome = run_family(share, SMALL)
    print(f"NFS {share.version}: the family took {time.monotonic() - begun:.1f} s")
    assert outcome.is_well, outcome.said
    score = cast(float, outcome.values("TrialCompleted", "score")["father"])
    begun_with = {**outcome.values("TrialReported", "value")}
    del begun_with["father"]
    # Of 899 images rounding may turn one over.
    assert begun_with == pytest.approx(dict.fromkeys(SMALL.children, score), abs=2 / 899)
    exact = outcome.values("TrialReported", "metrics")
    assert all(exact[name] == {"is_exact": 1.0} for name in SMALL.children)
    assert outcome.num_damaged == 0
