"""What is done with what can be inherited: all of it, none but what is proven, part of it, or a race."""

from __future__ import annotations

from heredity.inheritance.policies.parsing import PLAIN, Plain, Policy, parse_policy
from heredity.inheritance.policies.perturbing import ShrinkAndPerturb
from heredity.inheritance.policies.racing import Race, RaceResult

__all__ = ["PLAIN", "Plain", "Policy", "Race", "RaceResult", "ShrinkAndPerturb", "parse_policy"]
