"""The three passes: align and find the structure, which propose; solve, which proves."""
