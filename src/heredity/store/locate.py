"""From a URL to an open store: which place it names, and whether a store is there or may be made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from heredity.errors import InputError, StoreLocationError
from heredity.store.backends.local import LocalBackend
from heredity.store.backends.memory import MemoryBackend
from heredity.store.backends.objects import BucketClient, BucketLocation, ObjectBackend, is_bucket_url
from heredity.store.backends.posix import typed_errors
from heredity.store.backends.probe import probe
from heredity.store.backends.retrying import RetryingBackend
from heredity.store.files.layout import CHECKPOINTS, DIRECTORIES, FORMAT_FILE, Format
from heredity.store.machine import MachineSettings
from heredity.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.store.backends.base import Backend
    from heredity.store.files.reader import Verify

_SUPPORTED = (
    "Stores are kept in directories ('weights/', 'file:///…'), in object stores ('s3://bucket/prefix', "
    "'gs://…', 'az://…') and in memory ('memory://name')."
)
# What a store that is just being made may already hold.
_UNFINISHED = {"t", "tmp", "trash", "refs", "pin"}

# How the folders begin in which a place is examined.
DOCTOR = ".doctor-"

_memory: dict[str, MemoryBackend] = {}


def open_store(
    url: str | os.PathLike[str],
    *,
    create: bool = True,
    verify: Verify = "first",
    options: Mapping[str, str] | None = None,
    machine: MachineSettings | None = None,
) -> Store:
    """Open a store, making it first where there is none.

    Args:
        url: A directory on a local disk or on NFS, as a path or a ``file://`` URL; a place in an object
            store, such as ``s3://bucket/prefix``; or ``memory://name``, which is the same store wherever this
            process asks for that name.
        create: Whether to make a new store in a directory or under a prefix that is absent or empty.
        verify: When tensors are checked against their digests: when this process loads them ``"first"``,
            ``"always"``, or ``"never"``.
        options: How to talk to an object store: ``endpoint``, ``region``, credentials and whatever else
            obstore knows of the service. What is not given is looked up in the environment.
        machine: What this machine keeps for the store; see `MachineSettings` for what is done by default.

    Raises:
        InputError: An option is unknown, or not for such a place.
        StoreLocationError: The place is something else than a store, or cannot be made one; a server lets
            the second writer of a name overwrite the first.
        UnsupportedFormat: A newer version of this package made the store.
        CorruptData: The file that says the store's format is damaged.
        StoreUnavailable: The place does not answer.

    Example:
        >>> import numpy as np
        >>> store = open_store("memory://example")
        >>> store.put("father", {"weight": np.zeros((3, 4))}, score=0.9).key
        'father'
    """
    if verify not in {"first", "always", "never"}:
        raise InputError(f"verify={verify!r}: expected 'first', 'always' or 'never'.")
    machine = machine or MachineSettings()
    if isinstance(url, str) and is_bucket_url(url):
        backend, found = _open_bucket(url, options or {}, create=create)
        return _store(backend, found, machine, verify=verify)
    if options is not None:
        raise InputError(f"{url}: options are for object stores; a place of this kind has none.")
    if isinstance(url, str) and url.startswith("memory://"):
        in_memory = _open_memory(url, create=create)
        return Store(in_memory, store_id=_format_of(in_memory, create=True).store_id, verify=verify)
    root = directory_of(url)
    backend, found = _open_directory(root, create=create, map_files=machine.map_files)
    return _store(backend, found, machine, verify=verify)


def directory_of(url: str | os.PathLike[str]) -> Path:
    """The directory that a path or a ``file://`` URL names, absolute.

    Raises:
        StoreLocationError: It names no directory.
    """
    text = _path_of_url(url) if isinstance(url, str) and "://" in url else os.fspath(url)
    if not text or "\0" in text:
        raise StoreLocationError(f"{text!r} is no path.", hint=_SUPPORTED)
    if not isinstance(url, str) and _is_mangled_url(text):
        raise StoreLocationError(f"Path({text!r}): a URL is no path; give it as text.", hint=_SUPPORTED)
    # Made absolute now: the program may change its directory while the store is in use.
    return Path(os.path.abspath(Path(text).expanduser()))  # noqa: PTH100  # resolve() would follow links


def _store(backend: Backend, found: Format, machine: MachineSettings, *, verify: Verify) -> Store:
    return Store(
        machine.cached(backend, store_id=found.store_id),
        store_id=found.store_id,
        verify=verify,
        index_folder=machine.index_folder(found.store_id),
    )


def _path_of_url(url: str) -> str:
    # By hand, since urlsplit would drop what follows a # or a ? in a path.
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if scheme != "file":
        raise StoreLocationError(f"{url}: {scheme!r} is no kind of store.", hint=_SUPPORTED)
    if host not in {"", "localhost"} or not slash:
        raise StoreLocationError(
            f"{url}: names the machine {host!r}.",
            hint="Write three slashes before an absolute path, as in 'file:///mnt/weights'.",
        )
    return f"/{unquote(path)}"


def _is_mangled_url(path: str) -> bool:
    """Whether a path was made of a URL, which leaves one slash of two."""
    scheme, separator, _ = path.partition(":/")
    return bool(separator) and (scheme in {"file", "memory"} or is_bucket_url(f"{scheme}://"))


def _open_bucket(url: str, options: Mapping[str, str], *, create: bool) -> tuple[Backend, Format]:
    place = BucketLocation.from_url(url)
    bucket = ObjectBackend(BucketClient(place, options), url=place.url)
    backend = RetryingBackend(bucket)
    probe(backend)
    # Opened, not looked for: to that question a server gives no reasons.
    is_new = backend.open(FORMAT_FILE) is None
    if is_new:
        if not create:
            raise _no_store(place.url)
        _refuse_strangers(backend.around("top_names", bucket.top_names), where=place.url, backend=backend)
    return backend, _format_of(backend, create=is_new)


def _no_store(where: object) -> StoreLocationError:
    return StoreLocationError(
        f"{where}: there is no store here.", hint="Check the path, or open it with create=True to make one."
    )


def _open_memory(url: str, *, create: bool) -> MemoryBackend:
    name = url.partition("://")[2]
    if not name:
        raise StoreLocationError(f"{url}: a store in memory needs a name, as in 'memory://tests'.")
    backend = _memory.get(url)
    if backend is None:
        if not create:
            raise StoreLocationError(
                f"{url}: this process has no such store.",
                hint="Stores in memory are not shared between processes; use a directory for that.",
            )
        # setdefault is one step under the interpreter's lock: two threads get the same.
        backend = _memory.setdefault(url, MemoryBackend(url=url))
    return backend


def _open_directory(root: Path, *, create: bool, map_files: bool | None) -> tuple[Backend, Format]:
    backend = LocalBackend(root, map_files=map_files)
    if _is_directory(root) and backend.exists(FORMAT_FILE):
        found = _format_of(backend, create=False)
        if create:
            _tidy(root, backend=backend)
        return backend, found
    if not create:
        raise _no_store(root)
    _refuse_other_content(root, backend=backend)
    backend.make_directories(DIRECTORIES)
    return backend, _format_of(backend, create=True)


def _tidy(root: Path, *, backend: LocalBackend) -> None:
    """Make directories anew that a copy without empty ones lacks, or a store of an earlier version."""
    try:
        there = {f"{CHECKPOINTS}{name}/" for name in os.listdir(root / CHECKPOINTS)}  # noqa: PTH208  # names only
        there |= {f"{name}/" for name in os.listdir(root)}  # noqa: PTH208  # names only
        absent = [name for name in DIRECTORIES if name not in there]
        if absent:
            backend.make_directories(absent)
    except (OSError, StoreLocationError):
        return  # a store that may only be read is a store


def _is_directory(root: Path) -> bool:
    with typed_errors(root, "looking"):
        is_directory = root.is_dir()
        # Asked again: another process may have made the directory between the first two questions.
        if not is_directory and root.exists() and not root.is_dir():
            raise StoreLocationError(f"{root}: is a file; a store is a directory.")
    return is_directory


def _refuse_other_content(root: Path, *, backend: Backend) -> None:
    """A store is made in an absent or an empty directory, or where the making of one was cut short."""
    if not _is_directory(root):
        return
    with typed_errors(root, "listing"):
        found = sorted(os.listdir(root))  # noqa: PTH208  # names are all that is wanted
    _refuse_strangers([name for name in found if not name.startswith(".nfs")], where=root, backend=backend)


def _refuse_strangers(found: list[str], *, where: object, backend: Backend) -> None:
    # `heredity doctor` examines a place in a folder of its own, maybe at this very moment.
    strangers = [name for name in found if name not in _UNFINISHED and not name.startswith(DOCTOR)]
    orphans = [] if strangers or "t" not in found else backend.names(CHECKPOINTS)
    # Another process may have made the store, and used it, since we looked for its format.
    if (strangers or orphans) and not backend.exists(FORMAT_FILE):
        if orphans:
            raise StoreLocationError(
                f"{where}: holds {len(orphans)} checkpoints but no {FORMAT_FILE} to say how to read them.",
                hint="Restore that file from a copy.",
            )
        raise StoreLocationError(
            f"{where}: is not a store: it holds {', '.join(strangers[:3])} and no {FORMAT_FILE}.",
            hint="Name an empty or a new directory, or prefix.",
        )


def _format_of(backend: Backend, *, create: bool) -> Format:
    if create and not backend.exists(FORMAT_FILE):
        # Whoever comes second reads what the first has written.
        backend.put_once(FORMAT_FILE, [Format.new().to_json()])
    blob = backend.open(FORMAT_FILE)
    if blob is None:
        raise StoreLocationError(f"{backend.url}: its {FORMAT_FILE} has just disappeared.")
    with blob:
        return Format.from_json(blob.read(0, blob.size), where=backend.url)
