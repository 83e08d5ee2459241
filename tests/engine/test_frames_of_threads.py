"""Looking where threads stand leaves the garbage collector as it was."""

from __future__ import annotations

import gc
import sys
import threading
from types import FrameType

import pytest

from heredity.engine.driving.watchdog import frames_of_threads


@pytest.mark.parametrize("is_enabled", [True, False])
def test_the_collector_rests_while_threads_are_looked_at(
    is_enabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, seen = sys._current_frames, list[bool]()

    def spied() -> dict[int, FrameType]:
        seen.append(gc.isenabled())
        return look()

    monkeypatch.setattr(sys, "_current_frames", spied)
    was_enabled = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        frames = frames_of_threads()
        assert (seen, gc.isenabled()) == ([False], is_enabled)
    finally:
        (gc.enable if was_enabled else gc.disable)()
    assert frames[threading.get_ident()].f_code.co_name
