"""Products of tensors as einsum writes them: a label for each axis, and what each operator's labels are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heredity.graph import Node, Ref
from heredity.transfer.operators.arguments import argument_at
from heredity.transfer.operators.relation import Unproven

if TYPE_CHECKING:
    from heredity.graph import Argument, Graph

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A sum over products: whatever label is not in the result is summed over.

    Attributes:
        names: The operands' names, as arguments of the operator.
        operands: Their nodes.
        labels: The labels of each operand's axes.
        result: The labels of the result's axes.
    """

    names: tuple[str, ...]
    operands: tuple[Node, ...]
    labels: tuple[Labels, ...]
    result: Labels

    def size(self, label: str) -> int:
        """The length of the axes of a label; what is broadcast has one entry and does not count."""
        return max(
            (node.shape or ())[labels.index(label)]
            for node, labels in zip(self.operands, self.labels, strict=True)
            if label in labels
        )


def product_of(graph: Graph, node: Node) -> Product:
    """The product that an operator is.

    Raises:
        Unproven: Its equation is not understood.
    """
    names = _OPERANDS.get(node.target, ())
    if node.target == "aten.einsum.default":
        tensors = node.arguments["tensors"]
        names = tuple(f"tensors.{i}" for i in range(len(tensors) if isinstance(tensors, tuple) else 0))
    refs = [argument_at(node, name) for name in names]
    operands = tuple(graph[ref.name] for ref in refs if isinstance(ref, Ref))
    if len(operands) != len(names):
        raise Unproven("a factor is no tensor")
    ranks = [len(operand.shape or ()) for operand in operands]
    if node.target == "aten.einsum.default":
        labels = _of_equation(node.arguments["equation"], ranks)
    elif node.target == "aten.bilinear.default":
        labels = _of_bilinear(ranks)
    elif node.target == "aten.outer.default":
        labels = [("i",), ("j",)], ("i", "j")
    else:
        labels = _of_matmul(*ranks)
    return Product(names, operands, tuple(labels[0]), labels[1])


_OPERANDS: dict[str, tuple[str, ...]] = {
    "aten.matmul.default": ("input", "other"),
    "aten.mm.default": ("input", "mat2"),
    "aten.bmm.default": ("input", "mat2"),
    "aten.mv.default": ("input", "vec"),
    "aten.dot.default": ("input", "tensor"),
    "aten.outer.default": ("input", "vec2"),
    "aten.baddbmm.default": ("batch1", "batch2"),
    "aten.bilinear.default": ("input1", "input2", "weight"),
}


def _leading(count: int) -> Labels:
    """Labels of axes that are counted from the end, as broadcasting does."""
    return tuple(f"...{number}" for number in range(count, 0, -1))


def _of_matmul(rank: int, other: int) -> tuple[list[Labels], Labels]:
    a, b = _leading(max(rank - 2, 0)), _leading(max(other - 2, 0))
    ours = (*a, "m", "k") if rank > 1 else ("k",)
    theirs = (*b, "k", "n") if other > 1 else ("k",)
    batch = a if len(a) >= len(b) else b
    return [ours, theirs], (*batch, *(("m",) if rank > 1 else ()), *(("n",) if other > 1 else ()))


def _of_bilinear(ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    batch = _leading(ranks[0] - 1)
    return [(*batch, "i"), (*batch, "j"), ("o", "i", "j")], (*batch, "o")


def _of_equation(equation: Argument, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    if not isinstance(equation, str):
        raise Unproven("the equation is no text")
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow:
        letters = sorted({letter for letter in left if letter.isalpha() and left.count(letter) == 1})
        right = ("..." if "..." in left else "") + "".join(letters)
    labels = [_of_term(term, rank) for term, rank in zip(terms, ranks, strict=True)]
    if any(len(set(each)) != len(each) for each in labels):
        raise Unproven("a diagonal is taken")
    num_leading = max((sum(label.startswith(".") for label in each) for each in labels), default=0)
    return labels, _of_term(right, len(right.replace("...", "")) + ("..." in right) * num_leading)


def _of_term(term: str, rank: int) -> Labels:
    """The labels of one operand; an ellipsis stands for the axes that have none, counted from its end."""
    before, dots, after = term.partition("...")
    rest = _leading(rank - len(before) - len(after)) if dots else ()
    return (*before, *rest, *after)
