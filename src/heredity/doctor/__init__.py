"""Is this place fit to hold a store? Examined from one machine, or from several at once."""

from heredity.doctor.examine import examine
from heredity.doctor.findings import Finding, Grade, Report, Verdict

__all__ = ["Finding", "Grade", "Report", "Verdict", "examine"]
