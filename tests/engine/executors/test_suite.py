"""Inline and in processes: both do what every executor must."""

from __future__ import annotations

from heredity.engine.executors import Executor, InlineExecutor, ProcessExecutor, Resources
from heredity.engine.function import FunctionReference
from heredity.testing.executor_suite import ExecutorSuite


class TestInline(ExecutorSuite):
    def make_executor(
        self,
        function: FunctionReference,
        *,
        time_limit_seconds: float | None = None,
        resources: Resources | None = None,
    ) -> Executor:
        return InlineExecutor(function)


class TestProcesses(ExecutorSuite):
    def make_executor(
        self,
        function: FunctionReference,
        *,
        time_limit_seconds: float | None = None,
        resources: Resources | None = None,
    ) -> Executor:
        return ProcessExecutor(function, time_limit_seconds=time_limit_seconds, resources=resources)
