"""Experiments and stores as pictures: a page while they run, one file, or an image. Loads no torch."""
