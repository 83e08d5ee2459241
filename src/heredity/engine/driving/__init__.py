"""The driver's inside: what asks the strategy, writes the journal and starts trials, one event at a time."""
