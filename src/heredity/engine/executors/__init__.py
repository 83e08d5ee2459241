"""Where trials run. One small interface, one file a place."""

from heredity.engine.executors.base import Executor
from heredity.engine.executors.inline import InlineExecutor
from heredity.engine.executors.processes import ProcessExecutor

__all__ = ["Executor", "InlineExecutor", "ProcessExecutor"]
