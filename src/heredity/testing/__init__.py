"""Suites, fault injectors and generators: for our tests, and for yours."""
