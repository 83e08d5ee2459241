"""The tree of exceptions is an interface: callers' `except` clauses depend on it."""

from __future__ import annotations

import pickle

import pytest

from heredity import errors
from heredity.errors import HeredityError

TREE = {
    "HeredityError": (Exception,),
    "InputError": (HeredityError, ValueError),
    "ConfigError": (errors.InputError,),
    "InvalidName": (errors.InputError,),
    "InvalidTensor": (errors.InputError,),
    "StoreLocationError": (errors.InputError,),
    "UnsupportedFormat": (errors.InputError,),
    "CheckpointNotFound": (errors.InputError, KeyError),
    "CheckpointDropped": (errors.CheckpointNotFound,),
    "RefNotFound": (errors.InputError, KeyError),
    "KeyTaken": (errors.InputError,),
    "TransferRefused": (errors.InputError,),
    "UntraceableModule": (errors.InputError,),
    "MissingPackage": (errors.InputError, ModuleNotFoundError),
    "RetryableError": (HeredityError, OSError),
    "StoreUnavailable": (errors.RetryableError,),
    "StoreFull": (errors.StoreUnavailable,),
    "WriteSwept": (errors.StoreUnavailable,),
    "RefMoved": (errors.RetryableError,),
    "WaitTimeout": (errors.RetryableError, TimeoutError),
    "ExperimentBusy": (errors.RetryableError,),
    "CorruptData": (HeredityError,),
    "CorruptCheckpoint": (errors.CorruptData,),
    "CorruptJournal": (errors.CorruptData,),
    "TrialError": (HeredityError,),
    "InvalidReport": (errors.TrialError, ValueError),
    "ProgramFailed": (errors.TrialError,),
    "TrialInterrupted": (BaseException,),
    "TrialStopped": (BaseException,),
    "IllegalMove": (AssertionError,),
}

DEFINED = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, BaseException)
}
HINTED = [value for value in DEFINED.values() if issubclass(value, HeredityError)]


def test_the_tree_is_as_promised() -> None:
    """A new error enters here, too; a removed or moved one breaks somebody's handler."""
    assert {name: kind.__bases__ for name, kind in DEFINED.items()} == TREE


def test_the_drawing_names_every_error_and_no_other() -> None:
    drawing = (errors.__doc__ or "").split("The message says")[0]
    drawn = {line.lstrip(" │├└─").split()[0] for line in drawing.splitlines()[2:] if line.strip()}
    assert drawn == set(DEFINED)


@pytest.mark.parametrize("name", ["InputError", "CheckpointNotFound", "RetryableError", "WaitTimeout"])
def test_the_drawing_shows_the_builtin_base(name: str) -> None:
    (line,) = [line for line in (errors.__doc__ or "").splitlines() if f"─ {name} " in line]
    assert f"({DEFINED[name].__bases__[1].__name__})" in line


@pytest.mark.parametrize("kind", HINTED)
def test_the_text_is_the_message_followed_by_the_hint(kind: type[HeredityError]) -> None:
    assert str(kind("It broke.", hint="Mend it.")) == "It broke. Mend it."
    assert str(kind("It broke.")) == "It broke."


@pytest.mark.parametrize("kind", HINTED)
def test_an_error_crosses_a_process_boundary_with_its_hint(kind: type[HeredityError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("It broke.", hint="Mend it.")))
    assert type(copy) is kind
    assert (copy.message, copy.hint) == ("It broke.", "Mend it.")


def test_an_interrupted_trial_passes_through_except_exception() -> None:
    assert not issubclass(errors.TrialInterrupted, Exception)
    assert not issubclass(errors.TrialStopped, Exception)
