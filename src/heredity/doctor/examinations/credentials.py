"""What the credentials for an object store allow, right by right."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from heredity.doctor.examinations.names import NAMES, content_of
from heredity.doctor.findings import Finding, Grade
from heredity.errors import StoreLocationError, StoreUnavailable

if TYPE_CHECKING:
    from heredity.doctor.place import Place

# What does not work without a right.
_NEEDED_FOR = {
    "put": "saving",
    "get": "loading",
    "head": "looking whether a name is there",
    "list": "listing a store, and telling an absent name from a forbidden one",
    "delete": "collecting; what is dropped would be paid for for ever",
}
RIGHT = "right to {}"
_ESSENTIAL = {"put", "get", "head", "list"}


def check_credentials(place: Place) -> Iterator[Finding]:
    """Put, get, look, list and delete one object, each by itself."""
    if not place.is_bucket:
        return
    backend, name = place.backend, f"{NAMES}rights-{secrets.token_hex(4)}"
    calls: dict[str, Callable[[], bool]] = {
        "put": lambda: backend.put_once(name, [b"rights"]),
        "get": lambda: content_of(backend, name) == b"rights",
        "head": lambda: backend.exists(name),
        "list": lambda: name in backend.names(NAMES),
        "delete": lambda: (backend.retire(name), not backend.exists(name))[1],
    }
    has_put = False
    for right, call in calls.items():
        finding = _tried(right, call, must_show=has_put or right == "put")
        has_put = has_put or finding.grade is Grade.GOOD
        yield finding


def _tried(right: str, call: Callable[[], bool], *, must_show: bool) -> Finding:
    """What comes of using a right; where nothing could be put, an answer without an error is enough."""
    name = RIGHT.format(right)
    grade = Grade.UNFIT if right in _ESSENTIAL else Grade.POOR
    try:
        is_done = call()
    except (StoreLocationError, StoreUnavailable) as error:
        return Finding(
            name, grade, error.message, expected=f"it is needed for {_NEEDED_FOR[right]}", change=error.hint
        )
    if is_done or not must_show:
        return Finding(name, Grade.GOOD, "granted")
    return Finding(
        name,
        grade,
        "answered without an error, and without effect",
        expected=f"it is needed for {_NEEDED_FOR[right]}",
        change="Look at the server's rules for the bucket (policies, retention locks).",
    )
