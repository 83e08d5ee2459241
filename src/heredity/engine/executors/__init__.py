"""Where trials run. One small interface, one file a place."""

from heredity.engine.executors.base import Capabilities, Executor
from heredity.engine.executors.choosing import ExecutorName, ExecutorSettings, executor_named
from heredity.engine.executors.inline import InlineExecutor
from heredity.engine.executors.limits import Resources
from heredity.engine.executors.processes import ProcessExecutor

__all__ = [
    "Capabilities",
    "Executor",
    "ExecutorName",
    "ExecutorSettings",
    "InlineExecutor",
    "ProcessExecutor",
    "Resources",
    "executor_named",
]
