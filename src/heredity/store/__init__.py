"""Weights, named by their content: manifests, files, verification, backends. Knows no torch."""

from heredity.store.backends import Backend, Blob, Capabilities, LocalBackend, MemoryBackend
from heredity.store.checkpoint import Checkpoint
from heredity.store.files.fingerprints import Fingerprints
from heredity.store.files.lineage import Lineage
from heredity.store.files.manifest import Manifest, TensorEntry
from heredity.store.frameworks import Framework
from heredity.store.index import Damaged, Match, Sizes
from heredity.store.locate import open_store
from heredity.store.machine import MachineSettings
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
    "Damaged",
    "Fingerprints",
    "Framework",
    "Freed",
    "Lease",
    "Lineage",
    "LocalBackend",
    "MachineSettings",
    "Manifest",
    "Match",
    "MemoryBackend",
    "Mirrored",
    "Problem",
    "Ref",
    "Refs",
    "Sizes",
    "Store",
    "TensorData",
    "TensorEntry",
    "open_store",
]
