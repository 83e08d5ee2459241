"""A tuner's calls in threads: how many may block, how results come, and what is said of a standstill."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any

import pytest

from heredity.errors import InputError
from heredity.nni.tuner import CalledTuner
from heredity.nni.tuner.calls import Delivery
from heredity.nni.tuner.threads import InThreads


class NoMore(Exception):
    """Stands for NNI's own."""


def _calls(tuner: Any) -> InThreads:
    return InThreads(CalledTuner(tuner, no_more_trial=NoMore, base=object))


def _result(parameter_id: int, *values: object, success: bool = True) -> Delivery:
    return Delivery(
        parameter_id=parameter_id, trial=f"{parameter_id:05d}", parameters={}, values=values, success=success
    )


def _answers(calls: InThreads, number: int) -> set[int]:
    found: set[int] = set()
    while len(found) < number:
        calls.settle(5)
        answer = calls.next_answer()
        assert answer is not None
        found.add(answer.parameter_id)
    return found


class Waiting:
    """All its calls wait for the first result."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.has_come = threading.Event()

    def generate_parameters(self, parameter_id: int) -> dict[str, int]:
        self.has_come.wait()
        return {"id": parameter_id}

    def receive_trial_result(self, parameter_id: int, parameters: object, value: object) -> None:
        self.heard.append(value)
        self.has_come.set()

    def trial_end(self, parameter_id: int, success: bool) -> None:
        self.heard.append(success)


def test_any_number_of_calls_may_block_until_a_result_comes() -> None:
    calls = _calls(Waiting())
    for parameter_id in range(100):
        calls.begin(parameter_id)
    calls.settle(5)
    assert (calls.next_answer(), calls.num_open) == (None, 100)
    calls.deliver(_result(1000, 0.5))
    assert _answers(calls, 100) == {*range(100)}


def test_blocked_calls_are_known_to_be_still() -> None:
    calls = _calls(Waiting())
    for parameter_id in range(3):
        calls.begin(parameter_id)
    calls.settle(5)
    assert calls.are_still()
    assert calls.num_awake == 0


def test_the_end_comes_once_after_all_results() -> None:
    tuner = Waiting()
    calls = _calls(tuner)
    for n in range(5):
        calls.deliver(_result(n, f"a{n}", f"b{n}", success=n != 3))
    assert tuner.heard == [item for n in range(5) for item in (f"a{n}", f"b{n}", n != 3)]


def test_a_call_that_waits_for_something_else_than_a_lock_is_not_taken_for_blocked() -> None:
    reader, writer = os.pipe()

    class Reading(Waiting):
        def generate_parameters(self, parameter_id: int) -> dict[str, int]:
            return {"read": len(os.read(reader, 1))}

    calls = _calls(Reading())
    calls.begin(0)
    calls.settle(0.2)
    assert (calls.are_still(), calls.num_awake) == (False, 1)
    os.write(writer, b"x")
    assert _answers(calls, 1) == {0}


def test_a_call_that_waits_with_a_time_limit_is_not_taken_for_blocked() -> None:
    class Patient(Waiting):
        def generate_parameters(self, parameter_id: int) -> dict[str, int]:
            self.has_come.wait(0.3)
            return {}

    calls = _calls(Patient())
    calls.begin(0)
    calls.settle(0.05)
    assert not calls.are_still()
    assert _answers(calls, 1) == {0}


def test_calls_that_wait_for_a_thread_of_the_tuners_own_are_not_taken_for_blocked() -> None:
    reader, writer = os.pipe()

    class Delegating(Waiting):
        def generate_parameters(self, parameter_id: int) -> dict[str, int]:
            thread = threading.Thread(target=os.read, args=(reader, 1), daemon=True)
            thread.start()
            thread.join()
            return {}

    calls = _calls(Delegating())
    calls.begin(0)
    calls.settle(0.2)
    assert not calls.are_still()
    os.write(writer, b"x")
    assert _answers(calls, 1) == {0}


def test_what_a_call_raises_is_told_with_where_the_others_stand() -> None:
    class Raising(Waiting):
        def generate_parameters(self, parameter_id: int) -> dict[str, int]:
            if parameter_id:
                raise ZeroDivisionError("by nothing")
            return super().generate_parameters(parameter_id)

    calls = _calls(Raising())
    calls.begin(0)
    calls.settle(5)
    calls.begin(1)
    calls.settle(5)
    with pytest.raises(InputError, match=r"generate_parameters\(1\) raised ZeroDivisionError") as error:
        calls.next_answer()
    assert "generate_parameters(0) stands here" in str(error.value)
    assert "self.has_come.wait()" in str(error.value)


def test_a_result_that_waits_for_a_lock_is_seen_where_it_stands() -> None:
    lock = threading.Lock()

    class Locked(Waiting):
        def receive_trial_result(self, parameter_id: int, parameters: object, value: object) -> None:
            with lock:
                super().receive_trial_result(parameter_id, parameters, value)

    with lock:
        calls = _calls(Locked())
        calls.begin(0)
        calls.deliver(_result(7, 0.5))
        assert calls.are_still()
        assert "with lock:" in calls.stacks()


def _thread_of_deliveries(before: set[threading.Thread]) -> threading.Thread:
    [thread] = [each for each in set(threading.enumerate()) - before if each.name == "heredity-nni-results"]
    return thread


def test_the_thread_of_the_deliveries_ends_after_them_when_it_is_closed() -> None:
    before, tuner = set(threading.enumerate()), Waiting()
    calls = _calls(tuner)
    thread = _thread_of_deliveries(before)
    calls.deliver(_result(0, "a"))
    calls.close()
    calls.close()
    thread.join(10)
    assert not thread.is_alive()
    assert tuner.heard == ["a", True]


def test_the_thread_of_the_deliveries_ends_when_all_have_forgotten_the_calls() -> None:
    before = set(threading.enumerate())
    calls = _calls(Waiting())
    thread = _thread_of_deliveries(before)
    calls.deliver(_result(0, "a"))
    calls.begin(1)
    assert _answers(calls, 1) == {1}
    del calls
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_parameters_may_be_submitted_later() -> None:
    class Later(Waiting):
        def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, int]:
            self.submit = kwargs["st_callback"]
            raise NoMore

        def receive_trial_result(self, parameter_id: int, parameters: object, value: object) -> None:
            self.submit(0, {"late": True})

    calls = _calls(Later())
    calls.begin(0)
    calls.settle(5)
    answer = calls.next_answer()
    assert answer is not None
    assert answer.has_declined
    calls.deliver(_result(9, 1))
    late = calls.next_answer()
    assert late is not None
    assert late.parameters == {"late": True}
