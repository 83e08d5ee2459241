"""What each mount option of NFS means for a store, as a table. See nfs(5) for what it does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from heredity.doctor.findings import Finding, Grade
from heredity.store.backends.posix import Mount

# Below this a client needs so many requests for one megabyte that it shows.
_SMALL_BYTES = 65536


class _Meaning(NamedTuple):
    """What an option does to a store."""

    option: str
    grade: Grade
    expected: str
    change: str


# Requests were counted on a real server, see docs/nfs.md.
_MEANINGS = (
    _Meaning(
        "soft",
        Grade.POOR,
        "hard; a soft mount fails a call when the server is slow, also that of a save that has landed",
        "Mount with hard (the default).",
    ),
    _Meaning(
        "softerr",
        Grade.POOR,
        "hard; a soft mount fails a call when the server is slow, also that of a save that has landed",
        "Mount with hard (the default).",
    ),
    _Meaning(
        "noac",
        Grade.NOTE,
        "the default (ac): a store is right without it, and each look takes 20 requests instead of 1",
        "Leave it away; the store does not need it.",
    ),
    _Meaning(
        "sync",
        Grade.NOTE,
        "the default (async, the client's own): a store syncs what it saves; here every write waits",
        "Leave it away; what matters is sync in the server's exports.",
    ),
    _Meaning(
        "lookupcache=none",
        Grade.NOTE,
        "the default (all): a store is right without it, and each look takes 8 requests instead of 1",
        "Leave it away; the store does not need it.",
    ),
    _Meaning(
        "lookupcache=pos",
        Grade.NOTE,
        "the default (all): a store is right without it, and each look takes 3 requests instead of 1",
        "Leave it away; the store does not need it.",
    ),
    _Meaning(
        "proto=udp",
        Grade.POOR,
        "proto=tcp; over UDP large writes may be damaged on their way",
        "Mount with proto=tcp (the default).",
    ),
)
_HARMLESS = {
    "nolock": "the store takes no locks",
    "local_lock=all": "the store takes no locks",
    "local_lock=flock": "the store takes no locks",
    "local_lock=posix": "the store takes no locks",
}
_CACHE_TIMES = re.compile(r"(actimeo|acregmin|acregmax|acdirmin|acdirmax)=\d+")


def check_nfs_options(mount: Mount, *, seen: str) -> Iterator[Finding]:
    """The version, and every option that matters to a store."""
    options = set(mount.options)
    yield _version(_value(mount, "vers") or _value(mount, "nfsvers"), seen=seen)
    if "nocto" in options:
        yield _nocto(sees_names="lookupcache=none" in options)
    # With noac the kernel names sync too.
    shown = options - {"sync"} if "noac" in options else options
    for meaning in _MEANINGS:
        if meaning.option in shown:
            yield Finding(
                f"mount option {meaning.option}",
                meaning.grade,
                f"{mount.point} is mounted with {meaning.option}",
                expected=meaning.expected,
                change=meaning.change,
            )
    yield from _sizes(mount)
    yield from _harmless(mount)


def _version(version: str, *, seen: str) -> Finding:
    seen = f"{seen}, NFS version {version or 'unknown'}"
    if version.startswith("3"):
        return Finding(
            "file system",
            Grade.NOTE,
            seen,
            expected="4.2: version 3 tells by times alone that a directory has changed, so that a save waits "
            "for the next tick of the server's clock, and sends 23 to 27 requests instead of 16",
            change="It is safe. Mount with vers=4.2 if the server has it.",
        )
    if version in {"4.1", "4.2"}:
        return Finding("file system", Grade.GOOD, seen)
    return Finding(
        "file system",
        Grade.NOTE,
        seen,
        expected="4.2 or 3; this version has not been tried",
        change="Mount with vers=4.2 if the server has it.",
    )


def _nocto(*, sees_names: bool) -> Finding:
    if sees_names:
        return Finding(
            "mount option nocto",
            Grade.POOR,
            "nocto with lookupcache=none: names are seen at once, by 8 requests a look",
            expected="cto",
            change="Mount with neither of them.",
        )
    return Finding(
        "mount option nocto",
        Grade.UNFIT,
        "nocto: opening a directory does not ask the server",
        expected="cto; else a name that was absent stays so for half a minute, whoever has saved it",
        change="Mount without nocto.",
    )


def _sizes(mount: Mount) -> Iterator[Finding]:
    for name in ("rsize", "wsize"):
        text = _value(mount, name)
        if text.isdecimal() and int(text) < _SMALL_BYTES:
            yield Finding(
                f"mount option {name}",
                Grade.NOTE,
                f"{name}={text}",
                expected=f"at least {_SMALL_BYTES} bytes a request",
                change=f"Leave {name} away: client and server agree on the most that both can.",
            )


def _harmless(mount: Mount) -> Iterator[Finding]:
    found = [f"{option} ({why})" for option, why in _HARMLESS.items() if option in mount.options]
    times = [option for option in mount.options if _CACHE_TIMES.fullmatch(option)]
    if times:
        found.append(f"{', '.join(times)} (safe, and not needed)")
    if found:
        yield Finding("other mount options", Grade.GOOD, "; ".join(found))


def _value(mount: Mount, name: str) -> str:
    for option in mount.options:
        before, _, value = option.partition("=")
        if before == name:
            return value
    return ""
