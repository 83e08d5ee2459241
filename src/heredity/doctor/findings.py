"""What an examination finds, and what follows from all of it: the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from heredity.encoding import Json


class Grade(StrEnum):
    """How well something serves a store, the best first."""

    GOOD = "good"
    NOTE = "note"
    POOR = "poor"
    UNFIT = "unfit"

    @property
    def badness(self) -> int:
        """0 for the best."""
        return list(Grade).index(self)


class Verdict(StrEnum):
    """Whether a place may hold a store."""

    FIT = "fit"
    REMARKS = "fit, with remarks"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one thing.

    Args:
        name: What was looked at.
        grade: What it means for a store: nothing to say, worth knowing, better changed, not usable.
        seen: What was there, with numbers and their units.
        expected: What a store needs, where that is not what was seen.
        change: What to do about it; empty where there is nothing.
        measures: The numbers, by names that end with their unit.
        machine: Whose finding it is, where several machines took part.
    """

    name: str
    grade: Grade
    seen: str
    expected: str = ""
    change: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    machine: str = ""

    def to_json(self) -> dict[str, Json]:
        """As plain data; what is empty is left out."""
        values: dict[str, Json] = {
            "name": self.name,
            "grade": self.grade.value,
            "seen": self.seen,
            "expected": self.expected,
            "change": self.change,
            "measures": dict(self.measures),
            "machine": self.machine,
        }
        return {name: value for name, value in values.items() if value not in ("", {})}

    @classmethod
    def from_json(cls, value: Json, *, machine: str) -> Finding:
        """Read what another machine has sent.

        Raises:
            ValueError: It is not what `to_json` makes.
        """
        match value:
            case {"name": str(name), "grade": str(grade), "seen": str(seen), **rest}:
                expected, change = str(rest.get("expected", "")), str(rest.get("change", ""))
                return cls(name, Grade(grade), seen, expected=expected, change=change, machine=machine)
        raise ValueError(f"{machine} sent something that is no finding: {value!r:.80}")


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found of one place.

    Args:
        url: The place, as it was named.
        examined: What was really looked at, such as the nearest directory that is there.
        findings: In the order of the examinations.
        left_out: Examinations that could not be done, since the place cannot be written.
    """

    url: str
    examined: str
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()

    @property
    def worst(self) -> Grade:
        """The worst grade of all."""
        return max((finding.grade for finding in self.findings), key=lambda g: g.badness, default=Grade.GOOD)

    @property
    def verdict(self) -> Verdict:
        """What the worst grade means for the place."""
        if self.worst is Grade.UNFIT:
            return Verdict.UNFIT
        return Verdict.FIT if self.worst is Grade.GOOD else Verdict.REMARKS

    def to_json(self) -> dict[str, Json]:
        """As plain data."""
        return {
            "url": self.url,
            "examined": self.examined,
            "verdict": self.verdict.value,
            "findings": [finding.to_json() for finding in self.findings],
            "left_out": list(self.left_out),
        }
