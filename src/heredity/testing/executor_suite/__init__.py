"""What every Executor must do, as a suite of tests; see `suite`."""

from heredity.testing.executor_suite.drive import Drive
from heredity.testing.executor_suite.suite import ExecutorSuite

__all__ = ["Drive", "ExecutorSuite"]
