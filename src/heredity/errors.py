"""Every exception of the package, as one tree.

    HeredityError
    ├── InputError                (ValueError)      fix the input; the command line exits with 2
    │   ├── ConfigError                             an experiment file or a setting is wrong
    │   ├── InvalidName                             a key, an id or a ref that may not be used
    │   ├── InvalidTensor                           a value that cannot be stored as a tensor
    │   ├── StoreLocationError                      a place that is not a store, or may not be written
    │   ├── UnsupportedFormat                       written by a newer version
    │   ├── CheckpointNotFound    (KeyError)        no checkpoint of this name
    │   │   └── CheckpointDropped                   it was dropped, or its writer has given it up
    │   ├── RefNotFound           (KeyError)        no movable name of this kind
    │   ├── KeyTaken                                the name belongs to other content
    │   ├── TransferRefused                         the policy does not allow what would be inherited
    │   ├── UntraceableModule                       this module's graph cannot be recorded
    │   └── MissingPackage        (ModuleNotFoundError)  an optional package is not installed
    ├── RetryableError            (OSError)         try again later; nothing is lost
    │   ├── StoreUnavailable                        the place did not answer
    │   │   ├── StoreFull                           no space or no quota is left
    │   │   └── WriteSwept                          a collection took this save for a dead one
    │   ├── RefMoved                                somebody else was first to move it
    │   ├── WaitTimeout           (TimeoutError)    the checkpoint did not appear in time
    │   └── ExperimentBusy                          another process drives this experiment
    ├── CorruptData                                 what was stored is damaged; do not use it
    │   ├── CorruptCheckpoint
    │   └── CorruptJournal
    └── TrialError                                  a trial ended badly
        ├── TrialInterrupted      (BaseException)   the trial is told to end now (see there)
        ├── TrialStopped          (BaseException)   the trial is not worth going on with (see there)
        ├── InvalidReport         (ValueError)      a trial reported what is not a number
        └── ProgramFailed                           a trial's program ended badly
    IllegalMove                   (AssertionError)  a bug of ours: please report it

The message says where, what was expected and what came; ``hint`` says what to do.
"""

from __future__ import annotations


class HeredityError(Exception):
    """The root of the tree. ``str(error)`` is the message followed by the hint."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        gap = "\n" if "\n" in self.message else " "
        return f"{self.message}{gap if self.message.endswith(('.', '!', '?')) else '.' + gap}{self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from ``args`` when pickled, which would drop keyword-only arguments.
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[HeredityError], message: str, hint: str) -> HeredityError:
    return kind(message, hint=hint)


class InputError(HeredityError, ValueError):
    """The input has to change; trying again will not help."""


class ConfigError(InputError):
    """An experiment file or a setting is wrong; the message names the file and the line."""


class InvalidName(InputError):
    """A key, an id or a ref that may not be used."""


class InvalidTensor(InputError):
    """A value that cannot be stored as a tensor."""


class StoreLocationError(InputError):
    """The place is not a store, cannot be made one, or may not be written."""


class UnsupportedFormat(InputError):
    """The data was written by a newer version of the package."""


class CheckpointNotFound(InputError, KeyError):
    """No checkpoint has this name."""

    __str__ = HeredityError.__str__  # KeyError would show the repr of the message


class CheckpointDropped(CheckpointNotFound):
    """The checkpoint was dropped, or its writer has said that it will never come; the message says why."""


class RefNotFound(InputError, KeyError):
    """No movable name is called so."""

    __str__ = HeredityError.__str__  # KeyError would show the repr of the message


class KeyTaken(InputError):
    """The name belongs to a checkpoint with other content; names are used once."""


class TransferRefused(InputError):
    """The policy does not allow what could be inherited."""


class UntraceableModule(InputError):
    """This module's graph cannot be recorded."""


class MissingPackage(InputError, ModuleNotFoundError):
    """A package that only some need is not installed; the hint says how to install it."""


class RetryableError(HeredityError, OSError):
    """A later attempt may succeed; nothing is lost."""


class StoreUnavailable(RetryableError):
    """The place where the bytes lie did not answer."""


class StoreFull(StoreUnavailable):
    """No space or no quota is left where the bytes lie; nothing was published."""


class WriteSwept(StoreUnavailable):
    """A collection took this unfinished save for one of a dead writer; nothing was published."""


class RefMoved(RetryableError):
    """Somebody else was first to move a ref: read it again, and move it from there."""


class WaitTimeout(RetryableError, TimeoutError):
    """What was waited for did not appear in time."""


class ExperimentBusy(RetryableError):
    """Another process drives this experiment."""


class CorruptData(HeredityError):
    """What was stored is damaged. It is never repaired or used silently."""


class CorruptCheckpoint(CorruptData):
    """A checkpoint's file does not hold what its manifest says."""


class CorruptJournal(CorruptData):
    """A journal holds a line that no event can be made of."""


class TrialError(HeredityError):
    """A trial ended badly."""


class InvalidReport(TrialError, ValueError):
    """A trial reported something that is not a finite number."""


class ProgramFailed(TrialError):
    """The program of a trial ended with another exit code than 0, or broke the rules of its channel."""


class TrialInterrupted(BaseException):
    """The trial is told to end now.

    Derives from ``BaseException``, as ``KeyboardInterrupt`` does, so that a training loop's own
    ``except Exception`` does not swallow it.
    """


class TrialStopped(BaseException):
    """The trial went on reporting after it was found not worth going on with; ends it as stopped early.

    Derives from ``BaseException`` for the same reason as `TrialInterrupted`.
    """


class IllegalMove(AssertionError):
    """A rule of the experiment was broken from inside: a bug of ours, please report it."""
