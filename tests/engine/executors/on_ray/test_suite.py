"""On a Ray cluster: what every executor must do."""

from __future__ import annotations

import pytest

from heredity.engine.executors import Executor, Resources
from heredity.engine.function import FunctionReference
from heredity.testing.executor_suite import ExecutorSuite

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("cluster")]


class TestRay(ExecutorSuite):
    def make_executor(
        self,
        function: FunctionReference,
        *,
        time_limit_seconds: float | None = None,
        resources: Resources | None = None,
    ) -> Executor:
        from heredity.engine.executors.on_ray import RayExecutor

        return RayExecutor(function, time_limit_seconds=time_limit_seconds, resources=resources)
