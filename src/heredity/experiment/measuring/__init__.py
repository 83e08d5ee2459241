"""What inheritance gave in an experiment, measured on children and their scratch twins."""

from heredity.experiment.measuring.inheritance_report import InheritanceReport, Spread, inheritance_report
from heredity.experiment.measuring.rank_correlation import kendall_tau, spearman_rho
from heredity.experiment.measuring.twin_pairs import TwinPair, twin_pairs
from heredity.experiment.measuring.winner import Winner, winner_of

__all__ = [
    "InheritanceReport", "Spread", "TwinPair", "Winner", "inheritance_report", "kendall_tau", "spearman_rho",
    "twin_pairs", "winner_of",
]  # fmt: skip
