"""Pictures of a search: its cells as graphs, and its weights over time. They need the extra ``pictures``."""

from heredity.oneshot.differentiable.pictures.cells import cell_dot, draw_cell
from heredity.oneshot.differentiable.pictures.weights import weights_over_time

__all__ = ["cell_dot", "draw_cell", "weights_over_time"]
