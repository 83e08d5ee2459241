"""Damages files of the safetensors format as disks, strangers and bugs do, for fuzzing whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

# A node of decoded JSON; Any, since a damaged file may hold anything.
Node = Any
# What holds a node, and under which key or index.
Key = Any
Place = tuple[Node, Key]

_LENGTHS = (0, 1, 7, 8, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 100_000_000, 100_000_001)
_NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30, 0.0, 1.0, 0.5, True, False, None)
_TEXTS = (
    "",
    "F32",
    "U8",
    "F4",
    "x3:" + "0" * 32,
    "../x",
    "\x00",
    "a" * 300,
    "\u00e9",
    "e\u0301",
    "__metadata__",
)
# What json.dumps would not write.
_RAW = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-0", "1E400", "9" * 4000, "9" * 5000, "-" + "9" * 400),
    *(r'"\ud800"', r'"\udfff\ud800"', r'"\ud83d\ude00"', r'"\u0000"', '{"a":1,"a":1}', '{"a":1,"\\u0061":2}'),
    *("[" * depth + "]" * depth for depth in (50, 330, 480, 800, 960, 990, 1500, 100_000)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (330, 480, 960, 990, 1500)),
    *("", ",", "[1,]", "01", "+1", "'a'", "nul", "\ufeff1"),
)
_MARK = "~raw~"


def damaged(content: bytes, random: Random) -> bytes:
    """A copy of a file with one to four things wrong, most often in its header."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = random.choice(_WAYS)(content, random)
    return content


def _flip_bits(content: bytes, random: Random) -> bytes:
    result = bytearray(content)
    for _ in range(random.choice((1, 2, 8))):
        if result:
            result[random.randrange(len(result))] ^= 1 << random.randrange(8)
    return bytes(result)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _lengthen(content: bytes, random: Random) -> bytes:
    return content + random.randbytes(random.choice((1, 8, 100)))


def _take_out(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start + random.randrange(1, 64) :]


def _repeat(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + content[start : start + random.randrange(1, 64)] + content[start:]


def _change_length(content: bytes, random: Random) -> bytes:
    length = random.choice((*_LENGTHS, len(content), len(content) - 8, random.randrange(len(content) + 9)))
    return max(0, length).to_bytes(8, "little") + content[8:]


def _change_header(content: bytes, random: Random) -> bytes:
    length = int.from_bytes(content[:8], "little")
    text = _changed(content[8 : 8 + length], random)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _change_inner(content: bytes, random: Random) -> bytes:
    """Change the JSON that stands as a text in the metadata."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        metadata = header["__metadata__"]
        name = random.choice(sorted(metadata))
        metadata[name] = _changed(metadata[name].encode(), random).decode()
        text = json.dumps(header).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return _flip_bits(content, random)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip_bits, _cut, _lengthen, _take_out, _repeat, _change_length),
    *(_change_header,) * 8,
    *(_change_inner,) * 8,
)


def _changed(text: bytes, random: Random) -> bytes:
    """JSON with one node changed, taken out, doubled, or exchanged for another; other texts as they are."""
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):
        return text
    places = _places(root)
    if not places:
        return text
    holder, key = random.choice(places)
    raw = random.choice(_CHANGES)(holder, key, places, random)
    return _dump(root, raw)


def _remove(holder: Node, key: Key, _: list[Place], __: Random) -> str:
    del holder[key]
    return ""


def _exchange(holder: Node, key: Key, places: list[Place], random: Random) -> str:
    other, name = random.choice(places)
    holder[key], other[name] = other[name], holder[key]
    return ""


def _rename(holder: Node, key: Key, _: list[Place], random: Random) -> str:
    if isinstance(holder, dict):
        holder[random.choice(_TEXTS)] = holder.pop(key)
    return ""


def _shift(holder: Node, key: Key, _: list[Place], random: Random) -> str:
    if isinstance(holder[key], int):
        holder[key] += random.choice((-8, -1, 1, 8, 2**32))
    return ""


def _double(holder: Node, key: Key, _: list[Place], __: Random) -> str:
    """An object has every key of it twice then."""
    text = json.dumps(holder[key])
    holder[key] = _MARK
    return f"{text[:-1]},{text[1:]}"


def _replace(holder: Node, key: Key, _: list[Place], random: Random) -> str:
    holder[key] = random.choice((*_NUMBERS, *_TEXTS, [], {}, [1], {"a": 1}, [[]], [1] * 65))
    return ""


def _write_raw(holder: Node, key: Key, _: list[Place], random: Random) -> str:
    holder[key] = _MARK
    return random.choice(_RAW)


_CHANGES = (_remove, _exchange, _rename, _shift, _double, _replace, _replace, _write_raw)


def _dump(root: Node, raw: str) -> bytes:
    try:
        return json.dumps(root).replace(f'"{_MARK}"', raw).encode()
    except (ValueError, RecursionError):
        return b"{}"


def _places(node: Node) -> list[Place]:
    """All places in a tree of JSON, by holder and key."""
    found: list[Place] = []
    pending = [node]
    while pending and len(found) < 2000:
        holder = pending.pop()
        if isinstance(holder, Mapping | list):
            keys = list(holder) if isinstance(holder, Mapping) else range(len(holder))
            found += [(holder, key) for key in keys]
            pending += [holder[key] for key in keys]
    return found
