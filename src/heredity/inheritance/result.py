"""Inheritance: what a module took over, from whom, and what may be claimed of it."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from heredity.inheritance.measuring import measured
from heredity.inheritance.tables import HEADER, folded, html_rows, html_table, text_table, unfolded
from heredity.store import Checkpoint
from heredity.transfer import Certificate, Difference, Inputs, TransferPlan, Verdict

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.inheritance.choosing import Candidate
    from heredity.inheritance.policies import RaceResult
    from heredity.transfer.state import OptimizerReport

_NAMES = re.compile(r"\w*[.\d][\w.]*")
"""Names of tensors and numbers in a reason, which would make each reason another one."""

_CANDIDATE = ("candidate", "start loss", "verdict", "coverage", "score", "problem")


@dataclass(frozen=True)
class Inheritance:
    """What a module took over from a checkpoint.

    Prints as a summary and a table in which tensors that fare alike share a row; `plan` prints them all.
    """

    parent: Checkpoint
    plan: TransferPlan
    """What was carried out, with the certificate of what still holds: no more, after a policy or a race."""
    module: torch.nn.Module = field(repr=False)
    difference: Difference | None = None
    """The measured difference between the outputs of parent and child; None if it was not measured."""
    not_measured: str = "no example inputs were given"
    """Why there is no measured difference; empty if there is one."""
    policy: str = "best_effort"
    """What was done with what could be inherited."""
    considered: tuple[Candidate, ...] = field(default=(), repr=False)
    """The candidates of the store, the best first; empty if the parent was given."""
    fresh_loss: float | None = None
    """How the child would have begun with nothing inherited; None without a probe."""
    race: RaceResult | None = None
    """How the race ended, if the policy is one."""
    optimizer: OptimizerReport | None = None
    """What became of the optimizer's state, if an optimizer was given."""

    @property
    def certificate(self) -> Certificate:
        """What is proven about it."""
        return self.plan.certificate

    @property
    def coverage(self) -> float:
        """Share of the child's parameters, counted by element, that come from the parent."""
        return self.certificate.coverage

    @property
    def is_exact(self) -> bool:
        """Whether the child's outputs are proven to equal the parent's, in eval mode."""
        return self.certificate.is_exact

    def verify(self, *inputs: object, dtype: torch.dtype = torch.float32, **keywords: object) -> Difference:
        """Measure how far the child's outputs are from the parent's, in eval and in train mode.

        Meaningful before the child's first training step. The parent is run from its recorded graph.

        Args:
            *inputs: Positional arguments as the child takes them, real ones.
            dtype: What to compute in; float64 tells rounding from a real difference.
            **keywords: Keyword arguments, instead of positional ones.

        Raises:
            UntraceableModule: The parent has no graph, or one that cannot be run here.
        """
        given: Inputs = keywords or inputs
        if len(inputs) == 1 and isinstance(inputs[0], tuple | Mapping):
            given = inputs[0]  # as `inherit` takes them
        return measured(self.parent, self.module, given, dtype=dtype)

    def summary(self) -> dict[str, Json]:
        """The facts in short, as the journal and the child's checkpoint keep them."""
        exact = _elements_from_parent(self.plan, Verdict.EXACT)
        approximate = _elements_from_parent(self.plan, Verdict.APPROXIMATE)
        total = sum(step.num_elements for step in self.plan.steps if step.is_parameter)
        difference = self.difference
        return {
            "parent": self.parent.key,
            "policy": self.policy,
            "verdict": _verdict(self.certificate),
            "exact_in_training": self.certificate.is_exact_in_training,
            "reason": self.certificate.reason or self.certificate.training_reason,
            "coverage": self.coverage,
            "num_exact": exact,
            "num_approximate": approximate,
            "num_new": total - exact - approximate,
            "not_measured": self.not_measured,
            "max_difference": _finite(None if difference is None else difference.in_eval),
            "max_difference_in_training": _finite(None if difference is None else difference.in_training),
        }

    def __str__(self) -> str:
        parts = ["\n".join(self._summary_lines()), text_table(folded(self.plan))]
        if len(self.considered) > 1:
            rows = [_CANDIDATE, *self._candidate_rows()]
            widths = [max(len(row[i]) for row in rows) for i in range(len(_CANDIDATE))]
            parts.insert(
                1,
                "\n".join(
                    "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
                ),
            )
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        lines = "<br>".join(html.escape(line) for line in self._summary_lines())
        candidates = ""
        if len(self.considered) > 1:
            candidates = _details("candidates", html_table(_CANDIDATE, self._candidate_rows()))
        every = html_table(HEADER, (row.cells for row in unfolded(self.plan)))
        return (
            f"<div><p>{lines}</p>{candidates}{html_rows(folded(self.plan))}"
            f"{_details(f'all {len(self.plan.steps)} tensors', every)}</div>"
        )

    def _summary_lines(self) -> Iterator[str]:
        score = "" if self.parent.score is None else f", score {self.parent.score:.4g}"
        yield f"inherited from {self.parent.key}{score}, by {self.policy}"
        yield from str(self.certificate).splitlines()
        if self.difference is None:
            yield f"not measured: {self.not_measured}"
        else:
            yield f"measured: {self.difference}"
        if self.fresh_loss is not None:
            loss = next((e.probe_loss for e in self.considered if e.checkpoint == self.parent), None)
            yield f"start loss: {_loss(loss)}; with nothing inherited: {_loss(self.fresh_loss)}"
        if self.race is not None:
            yield str(self.race)
        if self.optimizer is not None:
            yield from _optimizer_lines(self.optimizer)

    def _candidate_rows(self) -> Iterator[tuple[str, ...]]:
        for each in self.considered:
            score = each.checkpoint.score
            yield (
                each.checkpoint.key,
                _loss(each.probe_loss),
                each.verdict,
                f"{each.coverage:.1%}",
                "–" if score is None else f"{score:.4g}",
                each.problem.partition("\n")[0],
            )


def _optimizer_lines(report: OptimizerReport) -> Iterator[str]:
    """What was carried, why the rest was not, each reason once, and the advice."""
    total = len(report.carried) + len(report.new)
    yield f"optimizer: the state of {len(report.carried)} of {total} parameters goes on"
    reasons = Counter(_NAMES.sub("…", reason) for reason in report.new.values())
    for reason, count in reasons.most_common(3):
        yield f"- {count} new: {reason}"
    yield from str(report.advice).splitlines()


def _details(title: str, content: str) -> str:
    return f"<details><summary>{html.escape(title)}</summary>{content}</details>"


def _loss(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _finite(value: float | None) -> float | None:
    """JSON has no infinity; outputs of other shapes have no difference."""
    return value if value is not None and math.isfinite(value) else None


def _verdict(certificate: Certificate) -> str:
    if certificate.is_exact:
        return Verdict.EXACT.value
    return Verdict.APPROXIMATE.value if certificate.coverage else Verdict.FRESH.value


def _elements_from_parent(plan: TransferPlan, verdict: Verdict) -> int:
    return sum(
        step.num_from_parent
        for step in plan.steps
        if step.is_parameter and plan.certificate.tensors[step.tensor].verdict is verdict
    )
