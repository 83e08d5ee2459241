"""Trials and their rules as pure data and pure decisions: events in, commands out."""

from heredity.experiment import events
from heredity.experiment.commands import Command, StartTrial, TellStrategy
from heredity.experiment.lineage import children, cumulative_steps, founders
from heredity.experiment.measuring import (
    InheritanceReport,
    Spread,
    TwinPair,
    Winner,
    inheritance_report,
    twin_pairs,
    winner_of,
)
from heredity.experiment.outcomes import Outcome, outcomes
from heredity.experiment.results import merit_of
from heredity.experiment.state import ExperimentState
from heredity.experiment.trial import (
    END_OF_LOG,
    LEGAL_MOVES,
    ParentFailure,
    Report,
    TrialRecord,
    TrialResult,
    TrialState,
    headline,
)

__all__ = [
    "END_OF_LOG",
    "LEGAL_MOVES",
    "Command",
    "ExperimentState",
    "InheritanceReport",
    "Outcome",
    "ParentFailure",
    "Report",
    "Spread",
    "StartTrial",
    "TellStrategy",
    "TrialRecord",
    "TrialResult",
    "TrialState",
    "TwinPair",
    "Winner",
    "children",
    "cumulative_steps",
    "events",
    "founders",
    "headline",
    "inheritance_report",
    "merit_of",
    "outcomes",
    "twin_pairs",
    "winner_of",
]
