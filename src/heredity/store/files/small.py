"""Small files that are put at once: tombstones, refs, leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heredity.errors import WriteSwept

if TYPE_CHECKING:
    from heredity.store.backends.base import Backend

# Each time a collection without a grace must come between two system calls.
_ATTEMPTS = 20


def put_small(backend: Backend, name: str, data: bytes) -> bool:
    """Put a small file once, again if a collection takes it for that of a dead writer; as `put_once`.

    Raises:
        WriteSwept: Collections without any grace follow one another without end.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return backend.put_once(name, [data])
        except WriteSwept:
            continue
    return backend.put_once(name, [data])
