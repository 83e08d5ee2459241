"""Whether a place keeps the promise that everything here stands on: a name is put once."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from heredity.errors import StoreLocationError, StoreUnavailable

if TYPE_CHECKING:
    from heredity.store.backends.base import Backend


def probe(backend: Backend) -> None:
    """Put one name twice. Where writing is forbidden nothing is proved, and nothing can go wrong.

    Raises:
        StoreLocationError: The second put was not refused: two writers would overwrite one another.
        StoreUnavailable: The place does not answer.
    """
    name = f"tmp/probe-{secrets.token_hex(12)}"
    try:
        # Refused only if the reply to an earlier attempt was lost: nobody else knows the name.
        backend.put_once(name, [b"first"])
    except StoreLocationError:
        return
    try:
        if backend.put_once(name, [b"second"]):
            raise StoreLocationError(
                f"{backend.url}: this server ignores conditional puts (If-None-Match): "
                "of two writers of one name, the second overwrites the first.",
                hint="Use a server that honours them, such as S3, GCS or Azure, or a directory.",
            )
    finally:
        # What stays is swept with the next collection.
        with suppress(StoreLocationError, StoreUnavailable):
            backend.retire(name)
