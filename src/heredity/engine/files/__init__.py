"""Files that an experiment is described in."""
