"""What the index keeps of a header, whatever the header claims."""

from __future__ import annotations

from datetime import UTC, datetime

from heredity.ids import Digest, parse_checkpoint_key
from heredity.store import Lineage, Manifest, TensorEntry
from heredity.store.files.pack import Pack
from heredity.store.index.rows import row_of_pack

KEY, OTHER = parse_checkpoint_key("child"), parse_checkpoint_key("father")


def test_a_claim_beyond_what_sqlite_holds_is_cut() -> None:
    """A damaged header may say anything of another's file; reading it there finds the truth."""
    lineage = Lineage(KEY, "", (), None, datetime(2026, 1, 1, tzinfo=UTC), {})
    entry = TensorEntry(Digest("x3:" + "0" * 32), "F64", (2**40, 2**40), OTHER)
    row = row_of_pack(Pack(Manifest(lineage, None, {"w": entry}), {}, 100))
    assert row.size_bytes == row.draws[OTHER] == 2**63 - 1
