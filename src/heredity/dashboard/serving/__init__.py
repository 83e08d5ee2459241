"""The page while the experiment runs: a small server on this machine, and who may ask it."""
