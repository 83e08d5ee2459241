"""What all tests have in common: a home of their own, so that no cache of the user's is read or filled.

And one option: ``--part 1/2`` runs every other one of the tests that are chosen, ``--part 2/2`` the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Processes that tests start have it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """For runs that have not the time for all slow tests."""
    parser.addoption("--part", default="1/1", metavar="K/N", help="every N-th test, from the K-th on")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """By their names, so that every part is the same whatever the order."""
    first, _, step = str(config.getoption("--part")).partition("/")
    if not (first.isdecimal() and step.isdecimal() and 1 <= int(first) <= int(step)):
        raise pytest.UsageError(f"--part: expected K/N with 1 <= K <= N, got {config.getoption('--part')!r}")
    kept = {item.nodeid for item in sorted(items, key=lambda item: item.nodeid)[int(first) - 1 :: int(step)]}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
    items[:] = [item for item in items if item.nodeid in kept]
