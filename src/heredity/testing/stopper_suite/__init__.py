"""What every Stopper must do, as a suite of tests; see `suite`."""

from heredity.testing.stopper_suite.suite import StopperSuite

__all__ = ["StopperSuite"]
