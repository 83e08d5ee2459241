"""Weights in and out of a store, as files that other programs read and write."""

from heredity.store.exchange.safetensors_files import (
    export_safetensors,
    import_safetensors,
    read_safetensors,
)

__all__ = ["export_safetensors", "import_safetensors", "read_safetensors"]
