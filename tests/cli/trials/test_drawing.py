"""Curves in one line."""

from __future__ import annotations

import pytest

from heredity.cli.trials.drawing import sparkline


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([], 5, ""),
        ([1.0], 5, "▁"),
        ([2.0, 2.0], 5, "▁▁"),
        ([0.0, 7.0], 5, "▁█"),
        ([float(i) for i in range(8)], 8, "▁▂▃▄▅▆▇█"),
        ([0.0, 0.0, 8.0, 8.0], 2, "▁█"),
        ([-1e308, 1e308], 2, "▁█"),
    ],
)
def test_values_become_bars(values: list[float], width: int, drawn: str) -> None:
    assert sparkline(values, width=width) == drawn


def test_a_long_curve_is_no_wider_than_asked() -> None:
    assert len(sparkline([float(i % 7) for i in range(1_001)], width=30)) == 30
