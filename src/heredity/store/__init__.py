"""Weights, named by their content: manifests, files, verification, backends. Knows no torch."""

from heredity.store.backends import Backend, Blob, Capabilities, LocalBackend, MemoryBackend
from heredity.store.checkpoint import Checkpoint
from heredity.store.files.lineage import Lineage
from heredity.store.files.manifest import Manifest, TensorEntry
from heredity.store.frameworks import Framework
from heredity.store.locate import open_store
from heredity.store.refs import Ref, Refs
from heredity.store.store import Store
from heredity.store.tensors import TensorData
from heredity.store.upkeep.collecting import Collection, Freed
from heredity.store.upkeep.leases import Lease
from heredity.store.upkeep.mirroring import Mirrored
from heredity.store.upkeep.verify import Problem

__all__ = [
    "Backend",
    "Blob",
    "Capabilities",
    "Checkpoint",
    "Collection",
    "Framework",
    "Freed",
    "Lease",
    "Lineage",
    "LocalBackend",
    "Manifest",
    "MemoryBackend",
    "Mirrored",
    "Problem",
    "Ref",
    "Refs",
    "Store",
    "TensorData",
    "TensorEntry",
    "open_store",
]
