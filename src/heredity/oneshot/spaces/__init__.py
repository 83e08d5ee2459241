"""Model spaces as they were published: DARTS' and NAS-Bench-201's."""

from heredity.oneshot.spaces.darts import DARTS_V2, DartsNetwork
from heredity.oneshot.spaces.nas_bench_201 import NasBench201, nas_bench_201_architecture

__all__ = ["DARTS_V2", "DartsNetwork", "NasBench201", "nas_bench_201_architecture"]
