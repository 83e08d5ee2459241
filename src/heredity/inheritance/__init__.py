"""Warm-starts a child from a parent's checkpoint. The only room that knows both store and transfer."""

import heredity.needs_torch  # noqa: F401  # it says what to install
from heredity.inheritance.choosing import Candidate, Candidates, Probe, relatives
from heredity.inheritance.inheriting import inherit
from heredity.inheritance.optimizers import kind_of, load
from heredity.inheritance.planning import ExampleInputs, Growth
from heredity.inheritance.policies import Policy, Race, RaceResult, ShrinkAndPerturb, parse_policy
from heredity.inheritance.policies.fitting import fit_to_parent
from heredity.inheritance.recorded import RecordedInheritance, recorded_inheritance
from heredity.inheritance.result import Inheritance
from heredity.inheritance.saving import save

__all__ = [
    "Candidate",
    "Candidates",
    "ExampleInputs",
    "Growth",
    "Inheritance",
    "Policy",
    "Probe",
    "Race",
    "RaceResult",
    "RecordedInheritance",
    "ShrinkAndPerturb",
    "fit_to_parent",
    "inherit",
    "kind_of",
    "load",
    "parse_policy",
    "recorded_inheritance",
    "relatives",
    "save",
]
