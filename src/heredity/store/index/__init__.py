"""A local cache of what the headers and tombstones of a store say: lineage, scores, sizes, fingerprints."""

from heredity.store.index.index import Index
from heredity.store.index.ranking import Match, Order
from heredity.store.index.view import Damaged, Sizes, View

__all__ = ["Damaged", "Index", "Match", "Order", "Sizes", "View"]
