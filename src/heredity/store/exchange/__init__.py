"""Weights in and out of a store, as files that other programs read and write."""

from heredity.store.exchange.outside import open_file, typed_file_errors, written_aside
from heredity.store.exchange.safetensors_files import export_safetensors, read_safetensors

__all__ = ["export_safetensors", "open_file", "read_safetensors", "typed_file_errors", "written_aside"]
