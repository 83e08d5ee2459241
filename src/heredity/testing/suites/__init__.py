"""Suites for interfaces: a new implementation only needs to pass its own."""
