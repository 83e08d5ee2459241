"""Cores and accelerators: each belongs to one attempt at a time, and what is not there is refused."""

from __future__ import annotations

import os

import pytest

from heredity.engine.executors import Resources
from heredity.engine.executors.places import Places, visible_devices
from heredity.errors import ConfigError


def test_each_attempt_has_accelerators_of_its_own() -> None:
    places = Places(Resources(gpus=2), devices=["cuda:0", "cuda:1", "cuda:2", "cuda:3"], cores=[0])
    first, second = places.take(), places.take()
    assert first is not None
    assert second is not None
    assert set(first.devices).isdisjoint(second.devices)
    assert places.take() is None


def test_what_is_given_back_can_be_taken_again() -> None:
    places = Places(Resources(cores=1), devices=[], cores=[5])
    place = places.take()
    assert place is not None
    places.give_back(place)
    assert places.take() == place


def test_a_share_of_an_accelerator_is_given_to_several() -> None:
    places = Places(Resources(gpus=0.5), devices=["cuda:0", "cuda:1"], cores=[])
    taken = [place.devices for place in iter(places.take, None)]
    assert taken == [("cuda:0",), ("cuda:1",), ("cuda:0",), ("cuda:1",)]


def test_cores_say_how_many_threads_there_are() -> None:
    place = Places(Resources(cores=2), devices=[], cores=[0, 1, 2]).take()
    assert place is not None
    assert (place.cores, place.threads) == ((0, 1), 2)


def test_without_demands_there_is_a_place_for_everyone() -> None:
    places = Places(Resources(), devices=["cuda:0"], cores=[0])
    assert places.capacity is None
    assert [places.take() for _ in range(3)] == [places.take()] * 3


def test_a_machine_with_too_little_for_one_attempt_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs 0 cores and 2 accelerators; this machine has 4 and 1"):
        Places(Resources(gpus=2), devices=["cuda:0"], cores=[0, 1, 2, 3])


def test_devices_are_counted_among_the_visible_ones() -> None:
    assert visible_devices(["cuda:1", "GPU-abc"], visible="6,7") == "7,GPU-abc"
    assert visible_devices(["cuda:1"], visible=None) == "1"
    with pytest.raises(ConfigError, match="cuda:2 is not there"):
        visible_devices(["cuda:2"], visible="6,7")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cores": 0}, "cores: expected at least 1, got 0"),
        ({"gpus": 1.5}, "gpus: expected a whole number, or a share of one, got 1.5"),
        ({"gpus": -1}, "gpus: expected"),
        ({"devices": ("tpu:0",)}, "devices: expected names such as 'cuda:0'"),
        ({"devices": ("cuda:0", "cuda:0")}, "devices: one is named twice"),
        ({"memory_limit_bytes": 16}, "memory_limit_bytes: expected at least 4096, got 16"),
    ],
)
def test_resources_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Resources(**settings)  # type: ignore[arg-type]  # on purpose


def test_named_devices_are_one_for_each_attempt() -> None:
    assert Resources(devices=("cuda:0",)).gpus_of_attempt == 1
    assert Resources().gpus_of_attempt == 0


def test_this_machine_has_the_cores_that_this_process_may_use() -> None:
    from heredity.engine.executors.places import places_of_machine

    assert places_of_machine(Resources(cores=1)).capacity == len(os.sched_getaffinity(0))
