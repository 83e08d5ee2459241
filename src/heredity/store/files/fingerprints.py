"""Fingerprints: short names of a model's graph and layers, by which relatives are found without a scan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.errors import InputError
from heredity.store.files.fields import Fields

if TYPE_CHECKING:
    from heredity.encoding import Json

_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What a model looks like, in 64-bit names of 16 hexadecimal digits. Made by `heredity.graph`.

    They propose relatives and prove nothing: two networks may have one name by chance.

    Args:
        outline: Name of the whole graph, the widths of its layers aside.
        layers: Names of the layers that have parameters, in the order in which they are computed. Each names
            all of the network that its layer is computed by, so that equal names mean equal networks up to
            there.

    Raises:
        InputError: One of them is no such name.
    """

    outline: str
    layers: tuple[str, ...]

    def __post_init__(self) -> None:
        odd = [name for name in (self.outline, *self.layers) if not _is_name(name)]
        if odd:
            raise InputError(f"Fingerprints: {odd[0]!r:.80} is none; expected 16 hexadecimal digits.")

    def to_fields(self) -> dict[str, Json]:
        """As JSON can carry it."""
        return {"outline": self.outline, "layers": self.layers}

    @classmethod
    def from_fields(cls, fields: Fields) -> Fingerprints:
        """Decode and check.

        Raises:
            CorruptCheckpoint: A field is missing or impossible.
        """
        outline, layers = fields.take("outline", str), fields.take("layers", list)
        odd = [name for name in (outline, *layers) if not _is_name(name)]
        if odd:
            raise fields.corrupt(f"holds {odd[0]!r:.80}, which is no fingerprint")
        return cls(outline, tuple(layers))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
