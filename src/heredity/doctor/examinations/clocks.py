"""How far the clock of the place is from this machine's, and how finely it ticks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from heredity.doctor.examinations.names import NAMES
from heredity.doctor.findings import Finding, Grade
from heredity.errors import StoreUnavailable

if TYPE_CHECKING:
    from heredity.doctor.place import Place
    from heredity.store import Backend

NOTED_SECONDS = 5.0
# Signatures of requests to S3 are refused from 15 minutes on, Kerberos' tickets from 5.
POOR_SECONDS = 300.0
# Object stores tell whole seconds.
_BUCKET_TICK_SECONDS = 1.0


class Skew(NamedTuple):
    """The clock of the place minus this machine's, in seconds, and how far from it the truth may be."""

    seconds: float
    error_seconds: float

    @property
    def least_seconds(self) -> float:
        """How far apart they are at least."""
        return max(0.0, abs(self.seconds) - self.error_seconds)

    def __str__(self) -> str:
        if not self.least_seconds:
            return f"equal to this machine's within {self.error_seconds:.2f} s"
        way = "ahead of" if self.seconds > 0 else "behind"
        return f"{abs(self.seconds):.2f} s (±{self.error_seconds:.2f} s) {way} this machine's"


def measure_skew(backend: Backend, *, is_bucket: bool) -> Skew:
    """Put a name, and compare when that was by the two clocks.

    Raises:
        StoreUnavailable: The name vanished.
    """
    name = f"{NAMES}clock-{secrets.token_hex(4)}"
    before = time.time()
    backend.put_once(name, [b"now"])
    after = time.time()
    put_at = backend.put_at(name)
    if put_at is None:
        raise StoreUnavailable(f"{backend.url}: {name!r} vanished as soon as it was put.")
    tick = _BUCKET_TICK_SECONDS if is_bucket else 0.0
    return Skew(put_at + tick / 2 - (before + after) / 2, (after - before + tick) / 2)


def check_clock(place: Place) -> Iterator[Finding]:
    """The place's clock beside this machine's."""
    skew = measure_skew(place.backend, is_bucket=place.is_bucket)
    yield judge_skew(skew)
    begun = time.monotonic()
    place.backend.now()
    seconds = time.monotonic() - begun
    yield Finding(
        "asking for the time",
        Grade.GOOD if seconds < 5 else Grade.NOTE,
        f"{1000 * seconds:.0f} ms until the place's clock had ticked",
        expected="" if seconds < 5 else "less than 5 s; a drop and a collection wait for it",
        measures={"tick_seconds": seconds},
    )


def judge_skew(skew: Skew) -> Finding:
    """What a difference of clocks means."""
    measures = {"skew_seconds": skew.seconds, "error_seconds": skew.error_seconds}
    seen = f"the place's clock is {skew}"
    if skew.least_seconds < NOTED_SECONDS:
        return Finding("clock", Grade.GOOD, seen, measures=measures)
    return Finding(
        "clock",
        Grade.NOTE if skew.least_seconds < POOR_SECONDS else Grade.POOR,
        seen,
        expected=f"less than {NOTED_SECONDS:g} s; the store goes by the place's clock alone and stays right, "
        "but dates that people read are wrong, and from some minutes on object stores and Kerberos refuse",
        change="Let chrony or systemd-timesyncd set the clocks of machine and server.",
        measures=measures,
    )
