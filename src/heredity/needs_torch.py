"""Imported first by all that needs torch: says what to install where torch is missing.

The store, spaces, strategies, experiments and the command line do without it (design note 0010).
"""

from __future__ import annotations

import importlib.util

from heredity.errors import MissingPackage

if importlib.util.find_spec("torch") is None:
    _missing = MissingPackage(
        "PyTorch is not installed, and modules of torch cannot be saved, loaded or inherited without it.",
        hint="pip install 'heredity[torch]', or install the build of torch that fits your machine.",
    )
    _missing.name = "torch"  # as the ImportError would have said
    raise _missing
