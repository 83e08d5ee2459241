"""Trials that are programs instead of functions: started by a worker, connected with it by a channel."""

from heredity.engine.programs.client import current_trial
from heredity.engine.programs.program import Program

__all__ = ["Program", "current_trial"]
