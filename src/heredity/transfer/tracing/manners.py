"""What torch.export does besides its work, switched off: reports of errors that are raised, tracebacks."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch.fx.config

_LOGGERS = ("torch._subclasses.fake_tensor", "torch.fx.experimental.symbolic_shapes", "torch.export")


@contextmanager
def quiet() -> Iterator[None]:
    """Without torch's reports of errors: an attempt may fail, and what is refused is raised with its reason.

    torch.export prints the graph as far as it came, too. What the module itself writes to the standard error
    appears once it has been traced.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    written = io.StringIO()
    for logger in loggers:
        logger.disabled = True
    try:
        with contextlib.redirect_stderr(written):
            yield
        sys.stderr.write(written.getvalue())
    finally:
        for logger, was_disabled in zip(loggers, before, strict=True):
            logger.disabled = was_disabled


@contextmanager
def without_stack_traces() -> Iterator[None]:
    """Record no Python frames for each operator, which takes a sixth of the time and which nobody reads."""
    before = getattr(torch.fx.config, "do_not_emit_stack_traces", False)  # older versions lack the setting
    torch.fx.config.do_not_emit_stack_traces = True
    try:
        yield
    finally:
        torch.fx.config.do_not_emit_stack_traces = before
