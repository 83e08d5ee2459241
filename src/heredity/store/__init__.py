"""Weights, named by their content: manifests, files, verification, backends. Knows no torch."""

from heredity.store.backends import Backend, Blob, Capabilities, LocalBackend, MemoryBackend
from heredity.store.checkpoint import Checkpoint
from heredity.store.files.manifest import Lineage, Manifest, TensorEntry
from heredity.store.frameworks import Framework
from heredity.store.locate import open_store
from heredity.store.store import Store
from heredity.store.tensors import TensorData
from heredity.store.verify import Problem

__all__ = [
    "Backend",
    "Blob",
    "Capabilities",
    "Checkpoint",
    "Framework",
    "Lineage",
    "LocalBackend",
    "Manifest",
    "MemoryBackend",
    "Problem",
    "Store",
    "TensorData",
    "TensorEntry",
    "open_store",
]
