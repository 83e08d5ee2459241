"""What checkpoints take: bytes of their own, shared ones, and what dropping each would free."""

from __future__ import annotations

from collections.abc import Mapping

from heredity.dashboard.reading.cells import ARCHITECTURE
from heredity.dashboard.reading.rows import Row
from heredity.dashboard.reading.texts import clipped
from heredity.encoding import Json
from heredity.errors import HeredityError
from heredity.store import Store


def storage_facts(store: Store | str, *, trials: Mapping[str, str]) -> Row:
    """A row for each checkpoint: key, trial, bytes when loaded, own, shared, freed if dropped.

    Args:
        store: The store; a text says why it cannot be opened.
        trials: Trials by the keys of their checkpoints; where there are any, no other checkpoint has a row.
    """
    nothing: Row = {"problem": "", "rows": [], "others": 0, "damaged": 0, "url": "", "cells": []}
    if isinstance(store, str):
        return {**nothing, "problem": clipped(store)}
    try:
        sizes, damaged, checkpoints = store.sizes(), len(store.damaged()), store.checkpoints()
    except HeredityError as error:
        return {**nothing, "problem": clipped(error.message), "url": clipped(store.url)}
    rows: list[Json] = [
        [key, trials.get(key), size.size_bytes, size.own_bytes, size.shared_bytes, size.freed_bytes]
        for key, size in sizes.items()
        if not trials or key in trials
    ]
    return {
        **nothing,
        "rows": rows,
        "others": len(sizes) - len(rows),
        "damaged": damaged,
        "url": clipped(store.url),
        # Trials of which only the checkpoint tells what cells they have found.
        "cells": [trials.get(each.key, each.key) for each in checkpoints if ARCHITECTURE in each.metadata],
    }
