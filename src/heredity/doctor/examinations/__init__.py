"""The examinations, one question each: from a place to findings."""
