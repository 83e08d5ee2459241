"""Dropping, collecting, leasing, verifying, copying: what keeps a store in order."""
