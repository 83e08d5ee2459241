"""Looking at the trials of experiments: lists, one trial, lineage, comparisons."""
