"""What talks to an object store: one obstore client a process, a place and a time limit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heredity.errors import InputError, StoreLocationError
from heredity.store.backends.objects.failures import first_line
from heredity.store.backends.objects.library import library

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from heredity.store.backends.objects.library import Library
    from heredity.store.backends.objects.location import BucketLocation

_ENDPOINTS = (
    *(
        "endpoint",
        "endpoint_url",
        "aws_endpoint",
        "aws_endpoint_url",
        "azure_endpoint",
        "azure_storage_endpoint",
    ),
    *("base_url", "google_base_url"),
)
_CONNECT_TIMEOUT_SECONDS = 5
# A request that carries nothing is given this long; one that carries much, a second for each megabyte more.
_TIMEOUT_SECONDS = 30
_SLOWEST_BYTES_PER_SECOND = 1_000_000


class Client(ABC):
    """Gives the obstore client to talk to a place with, in whatever process it is asked."""

    is_shared: bool

    @abstractmethod
    def store(self, *, num_bytes: int = 0) -> ObjectStore:
        """Return the client for a request that carries so many bytes at most.

        Raises:
            StoreLocationError: The place cannot be talked to as it is described.
        """


class GivenClient(Client):
    """A client made elsewhere, such as obstore's ``MemoryStore``. Stays in its process."""

    is_shared = False

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def store(self, *, num_bytes: int = 0) -> ObjectStore:  # noqa: ARG002  # it has its own limits
        """Return it."""
        return self._store

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("This object store's client stays in its process; give other processes a URL.")


@dataclass(frozen=True, slots=True)
class BucketClient(Client):
    """A bucket of a service.

    Args:
        location: Which one.
        options: obstore's settings of that service, such as ``endpoint``, ``region`` and credentials; what is
            not given is looked up in the environment by obstore.

    Raises:
        InputError: The options are no mapping of text to text, or the endpoint is no URL.
    """

    location: BucketLocation
    # Not shown: there are credentials in it.
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    is_shared = True

    def __post_init__(self) -> None:
        given: object = self.options
        if not isinstance(given, Mapping) or not all(
            isinstance(text, str) for item in given.items() for text in item
        ):
            raise InputError(
                f"{self.location.url}: its options must be a mapping of text to text.",
                hint="Such as options={'endpoint': 'http://127.0.0.1:9000', 'region': 'us-east-1'}.",
            )
        object.__setattr__(self, "options", {name.lower(): text for name, text in self.options.items()})
        # obstore panics over some.
        if self._endpoint and not self._endpoint.startswith(("http://", "https://")):
            raise InputError(
                f"{self.location.url}: the endpoint {self._endpoint!r} is no URL.",
                hint="It begins with https:// or http://.",
            )

    @property
    def _endpoint(self) -> str:
        return next((self.options[name] for name in _ENDPOINTS if name in self.options), "")

    def store(self, *, num_bytes: int = 0) -> ObjectStore:
        """Return this process's client for a request of that size."""
        seconds = _TIMEOUT_SECONDS
        while seconds < _TIMEOUT_SECONDS + num_bytes / _SLOWEST_BYTES_PER_SECOND:
            seconds *= 2  # few steps, since each has connections of its own
        key = (library(), self.location, tuple(sorted(self.options.items())), seconds)
        known = _clients.get(key)
        return known if known is not None else _clients.setdefault(key, self._connected(seconds))

    def _connected(self, timeout_seconds: int) -> ObjectStore:
        place, obstore = self.location, library()
        kind = {
            "s3": obstore.stores.S3Store,
            "gcs": obstore.stores.GCSStore,
            "azure": obstore.stores.AzureStore,
        }[place.service]
        config = {"account_name": place.account} if place.account else {}
        if place.service == "s3":
            # Not every server has the bulk request, and only the plain one needs no right beside deleting.
            config["disable_bulk_delete"] = "true"
        try:
            made: ObjectStore = kind(
                place.bucket,
                prefix=place.prefix or None,
                config={**config, **self.options},
                client_options={
                    "connect_timeout": f"{_CONNECT_TIMEOUT_SECONDS}s",
                    "timeout": f"{timeout_seconds}s",
                    # Whether it is used says the endpoint, which may come from the environment.
                    "allow_http": True,
                },
                # Ours is the only loop: two within one another would try a hundred times.
                retry_config={"max_retries": 0},
            )
        except (obstore.exceptions.BaseError, ValueError, TypeError) as error:
            raise StoreLocationError(
                f"{place.url}: cannot be opened: {first_line(error)}.",
                hint="Options are named as in obstore's documentation; they also come from the environment.",
            ) from error
        return made


# Kept for good, those of a parent process too: their end would wait for threads that a fork left behind.
_clients: dict[tuple[Library, BucketLocation, tuple[tuple[str, str], ...], int], ObjectStore] = {}
