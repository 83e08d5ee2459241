"""Rules for operators that treat each entry by itself, or move entries within an axis."""
