"""Which bucket a URL names, and where in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heredity.errors import StoreLocationError

Service = Literal["s3", "gcs", "azure"]

_SERVICE_OF_SCHEME: dict[str, Service] = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "azure": "azure",
    "abfs": "azure",
    "abfss": "azure",
}
_HINT = "Write s3://bucket/prefix, gs://bucket/prefix or az://container/prefix."


def is_bucket_url(url: str) -> bool:
    """Whether a text begins with the scheme of an object store."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme in _SERVICE_OF_SCHEME


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """A place in an object store.

    Args:
        url: As it was given, without a slash at its end.
        service: Whose protocol is spoken.
        bucket: The bucket; on Azure, the container.
        prefix: What all names begin with, without slashes at its ends; may be empty.
        account: The storage account, where the URL of an Azure container names it.
    """

    url: str
    service: Service
    bucket: str
    prefix: str
    account: str | None = None

    @classmethod
    def from_url(cls, url: str) -> BucketLocation:
        """Parse a URL such as ``s3://bucket/prefix``. Nothing in it is decoded, and nothing dropped.

        Raises:
            StoreLocationError: It names no bucket, or no prefix that all servers understand.
        """
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        # abfs://container@account.dfs.core.windows.net/prefix, as Hadoop and fsspec write it
        bucket, at, machine = host.partition("@")
        service = _SERVICE_OF_SCHEME[scheme]
        if not bucket or not bucket.isprintable() or (at and service != "azure"):
            raise StoreLocationError(f"{url}: names no bucket.", hint=_HINT)
        prefix = path.removesuffix("/")
        if prefix and not all(part.isprintable() and part.strip(".") for part in prefix.split("/")):
            raise StoreLocationError(
                f"{url}: the prefix {path!r} has a part that is empty, made of dots, or not printable.",
                hint=_HINT,
            )
        return cls(
            url=url.removesuffix("/"),
            service=service,
            bucket=bucket,
            prefix=prefix,
            account=machine.partition(".")[0] or None,
        )
