"""Processes that train one model together inherit from one parent, whatever each sees in the store."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import HeredityError
from heredity.inheritance import Policy
from heredity.integrations import GuestTrial, Identity


def _rank(rank: int, folder: Path, policy: Policy, answers: Any) -> None:
    """Sees only the candidates that begin with its own number, as if the store had changed in between."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    store = hd.open_store(folder / "store")
    guest = GuestTrial(
        store, Identity("tool", "ranks", "1"), parent=hd.Candidates(store, prefix=f"{rank}-"), policy=policy
    )
    try:
        guest.inherit(nn.Linear(3, 2))
        answers.put((rank, guest.facts["parent"]))
    except HeredityError as error:
        answers.put((rank, error.message))
    torch.distributed.destroy_process_group()


def _answers(folder: Path, policy: Policy) -> dict[int, str]:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    ranks = [context.Process(target=_rank, args=(rank, folder, policy, answers)) for rank in (0, 1)]
    for process in ranks:
        process.start()
    told = dict(answers.get(timeout=240) for _ in ranks)
    for process in ranks:
        process.join()
    return told


@pytest.fixture
def two_fathers(tmp_path: Path) -> hd.Store:
    store = hd.open_store(tmp_path / "store")
    for rank in (0, 1):
        hd.save(store, nn.Linear(3, 2), key=f"{rank}-father")
    return store


@pytest.mark.usefixtures("two_fathers")
def test_the_others_take_the_parent_that_the_first_one_chose(tmp_path: Path) -> None:
    assert _answers(tmp_path, "best_effort") == {0: "0-father", 1: "0-father"}


@pytest.mark.usefixtures("two_fathers")
def test_if_the_first_one_cannot_inherit_the_others_do_not_wait_for_it(tmp_path: Path) -> None:
    told = _answers(tmp_path, "exact")  # without a graph nothing is proven
    assert told[0].startswith("0-father: the child would not be exact")
    assert told[1] == "The first process could not inherit."
