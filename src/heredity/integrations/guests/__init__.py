"""What the adapters share: a trial of another tool, who it is, how it began, and what its tool carries."""

from heredity.integrations.guests.beginning import Beginning
from heredity.integrations.guests.guest import GuestTrial, Parent, ordered
from heredity.integrations.guests.identity import Identity
from heredity.integrations.guests.marked import MarkedModule
from heredity.integrations.guests.note import NOTE, Note, begin_by

__all__ = [
    "NOTE",
    "Beginning",
    "GuestTrial",
    "Identity",
    "MarkedModule",
    "Note",
    "Parent",
    "begin_by",
    "ordered",
]
