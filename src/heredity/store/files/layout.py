"""Which file holds what: the names inside a store, and the file that says its format."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from heredity.encoding import decode, encode
from heredity.errors import CorruptData, InvalidName, UnsupportedFormat
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.store.tensors import DIGEST_ALGORITHM, first_hash_byte

FORMAT_VERSION = 1
FORMAT_FILE = "format.json"
CHECKPOINTS = "t/"
REFS = "refs/"
LEASES = "pin/"
SHARD_COUNT = 256
SHARDS = tuple(f"{CHECKPOINTS}{shard:02x}/" for shard in range(SHARD_COUNT))
DIRECTORIES = (*SHARDS, REFS, LEASES)
# No percent-encoded key can end like this, since "%dr" is no byte.
_TOMBSTONE = "%drop"


def name_of(key: CheckpointKey) -> str:
    """Name of the file that holds a checkpoint."""
    return f"{shard_of(key)}{file_name_of(key)}"


def shard_of(key: CheckpointKey) -> str:
    """Directory that holds a checkpoint's file and its tombstone."""
    return SHARDS[first_hash_byte(key)]


def file_name_of(text: str) -> str:
    """A name as one part of a path: percent-encoded, but for ASCII letters, digits and ``_.-~``."""
    name = quote(text, safe="")
    # A leading dot would hide the file, and NFS clients leave files named .nfs… that are nobody's.
    return f"%2E{name[1:]}" if name.startswith(".") else name


def tombstone_name_of(key: CheckpointKey) -> str:
    """Name of the file that says that a checkpoint was dropped; in its shard, so that one look tells both."""
    return f"{name_of(key)}{_TOMBSTONE}"


def key_of_tombstone(name: str) -> CheckpointKey | None:
    """Key of the checkpoint that a tombstone is for; ``None`` where the name is no tombstone's."""
    return key_of(name.removesuffix(_TOMBSTONE)) if name.endswith(_TOMBSTONE) else None


def is_checkpoint(name: str) -> bool:
    """Whether a file is a checkpoint's, which never changes and is never made anew."""
    return key_of(name) is not None


def key_of(name: str) -> CheckpointKey | None:
    """Key of the checkpoint in a file; ``None`` where no checkpoint has this file name."""
    try:
        key = parse_checkpoint_key(unquote_to_bytes(name.rpartition("/")[2]).decode("utf-8"))
    except (UnicodeDecodeError, InvalidName):
        return None
    return key if name_of(key) == name else None


@dataclass(frozen=True, slots=True)
class Format:
    """What a store says about itself, once and for ever."""

    store_id: str

    @classmethod
    def new(cls) -> Format:
        """The format of a new store, with an id of its own."""
        return cls(store_id=secrets.token_hex(16))

    def to_json(self) -> bytes:
        """Encode for ``format.json``."""
        return encode(
            {
                "format": "heredity-store",
                "version": FORMAT_VERSION,
                "digest": DIGEST_ALGORITHM,
                "shards": SHARD_COUNT,
                "store": self.store_id,
            }
        )

    @classmethod
    def from_json(cls, data: bytes, *, where: str) -> Format:
        """Decode ``format.json``.

        Raises:
            CorruptData: The file is damaged.
            UnsupportedFormat: A newer version of this package wrote it.
        """
        fields = _fields(data, where=where)
        version = fields.get("version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise UnsupportedFormat(
                f"{where}: the store has format version {version}; this program reads {FORMAT_VERSION}.",
                hint="Install a newer version of heredity.",
            )
        store_id = fields.get("store")
        expected = {"version": FORMAT_VERSION, "digest": DIGEST_ALGORITHM, "shards": SHARD_COUNT}
        came = {name: fields.get(name) for name in expected}
        if came != expected or not isinstance(store_id, str) or not store_id:
            raise CorruptData(
                f"{where}: {FORMAT_FILE} says {came} and store {store_id!r}; expected {expected} and an id.",
                hint="Restore the file from a copy; the checkpoints beside it are not affected.",
            )
        return cls(store_id=store_id)


def _fields(data: bytes, *, where: str) -> Mapping[str, object]:
    try:
        value = decode(data)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, f"is not JSON ({error})") from error
    if not isinstance(value, Mapping) or value.get("format") != "heredity-store":
        raise _damaged(where, "does not say that it is a heredity store")
    return value


def _damaged(where: str, what: str) -> CorruptData:
    return CorruptData(
        f"{where}: {FORMAT_FILE} {what}.",
        hint="Restore the file from a copy; the checkpoints beside it are not affected.",
    )
