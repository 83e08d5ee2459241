"""Several machines examine one place together, and find one another through it."""

from heredity.doctor.meeting.guest import join
from heredity.doctor.meeting.host import host
from heredity.doctor.meeting.table import Limits

__all__ = ["Limits", "host", "join"]
