"""The sides of the store's benchmarks: each saves arrays to a path and loads them, at its best settings.

Each syncs what it has saved to the disk. What a side needs is imported when it is made: Orbax runs in a
process of its own, perhaps with an interpreter that has neither torch nor Heredity.
"""

from __future__ import annotations

import importlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from store_models import Arrays

Names = Sequence[str] | None


class Side(ABC):
    """One way to save and load. `path` is one that nothing has been saved to."""

    def own(self, arrays: Mapping[str, Any]) -> Arrays:  # Any: see Arrays
        """The arrays as this side takes them, on the same memory; not timed."""
        import torch

        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def prepare(self, path: Path) -> None:  # noqa: B027  # most sides have nothing to prepare
        """What is done once and not for every save; not timed."""

    @abstractmethod
    def save(self, path: Path, arrays: Arrays) -> None:
        """Return when all is on the disk."""

    @abstractmethod
    def load(self, path: Path, names: Names = None) -> Arrays:
        """Load all, or only these."""


class Heredity(Side):
    """A store, opened anew for each call: nothing is remembered from the one before."""

    def __init__(self, *, verify: Literal["first", "never"] = "first", maps_files: bool = True) -> None:
        import heredity

        self._open_store = heredity.open_store
        self._verify: Literal["first", "never"] = verify
        self._maps_files = maps_files

    def prepare(self, path: Path) -> None:
        self._open_store(path)

    def open(self, path: Path) -> Any:  # Any: heredity.Store, which another interpreter may lack  # noqa: ANN401
        if self._maps_files:
            return self._open_store(path, create=False, verify=self._verify)
        from heredity.store import LocalBackend, Store

        store_id = self._open_store(path, create=False).store_id
        return Store(LocalBackend(path, map_files=False), store_id=store_id, verify=self._verify)

    def save(self, path: Path, arrays: Arrays) -> None:
        self.open(path).put("father", arrays)

    def load(self, path: Path, names: Names = None) -> Arrays:
        return dict(self.open(path)["father"].tensors(names, framework="torch"))


class Safetensors(Side):
    """The safetensors package; `load` of a part by `safe_open`."""

    def __init__(self, *, syncs_directory: bool = False) -> None:
        import safetensors.torch

        self._safetensors = safetensors
        self._syncs_directory = syncs_directory

    def save(self, path: Path, arrays: Arrays) -> None:
        self._safetensors.torch.save_file(arrays, path)
        sync(path, and_directory=self._syncs_directory)

    def load(self, path: Path, names: Names = None) -> Arrays:
        if names is None:
            return dict(self._safetensors.torch.load_file(path))
        with self._safetensors.safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in names}


class TorchFile(Side):
    """``torch.save`` to a path, which is faster than to an open file; ``torch.load`` with or without mmap."""

    def __init__(
        self, *, syncs_directory: bool = False, crc32: bool = True, maps_files: bool = False
    ) -> None:
        import torch

        self._torch = torch
        self._syncs_directory = syncs_directory
        self._crc32 = crc32
        self._maps_files = maps_files

    def save(self, path: Path, arrays: Arrays) -> None:
        self._torch.serialization.set_crc32_options(self._crc32)
        self._torch.save(arrays, path)
        sync(path, and_directory=self._syncs_directory)

    def load(self, path: Path, names: Names = None) -> Arrays:
        found = self._torch.load(path, weights_only=True, mmap=self._maps_files)
        return found if names is None else {name: found[name] for name in names}


class Distributed(Side):
    """``torch.distributed.checkpoint`` in a single process, one synced file."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        # Any: torch does not declare what it exports there.
        self._checkpoint: Any = importlib.import_module("torch.distributed.checkpoint")

    def save(self, path: Path, arrays: Arrays) -> None:
        writer = self._checkpoint.FileSystemWriter(path, single_file_per_rank=True, sync_files=True)
        self._checkpoint.save(arrays, storage_writer=writer, no_dist=True)

    def load(self, path: Path, names: Names = None) -> Arrays:
        reader = self._checkpoint.FileSystemReader(path)
        entries = reader.read_metadata().state_dict_metadata
        # It loads into tensors that are there already; to make them is a part of loading.
        state = {
            name: self._torch.empty(entries[name].size) for name in (entries if names is None else names)
        }
        self._checkpoint.load(state, storage_reader=reader, no_dist=True)
        return state


class Orbax(Side):
    """Orbax with numpy arrays, with the OCDBT database or a directory for each array; syncs by itself."""

    def __init__(self, *, ocdbt: bool) -> None:
        import numpy as np
        import orbax.checkpoint as orbax

        self._orbax = orbax
        self._array = np.ndarray
        # Weights do not compress; without it, Orbax is faster.
        handler = orbax.PyTreeCheckpointHandler(use_ocdbt=ocdbt, use_compression=False)
        self._checkpointer = orbax.Checkpointer(handler)

    def own(self, arrays: Mapping[str, Any]) -> Arrays:  # Any: see Arrays
        return dict(arrays)

    def save(self, path: Path, arrays: Arrays) -> None:
        self._checkpointer.save(path, args=self._orbax.args.PyTreeSave(arrays))

    def load(self, path: Path, names: Names = None) -> Arrays:
        if names is not None:
            raise NotImplementedError("Orbax loads whole trees here.")
        entries = self._checkpointer.metadata(path).item_metadata.tree
        arguments = {name: self._orbax.RestoreArgs(restore_type=self._array) for name in entries}
        return dict(
            self._checkpointer.restore(path, args=self._orbax.args.PyTreeRestore(restore_args=arguments))
        )


def sync(path: Path, *, and_directory: bool) -> None:
    for place in (path, path.parent) if and_directory else (path,):
        file = os.open(place, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


SIDES: dict[str, Callable[[], Side]] = {
    "heredity": Heredity,
    "heredity, unverified": lambda: Heredity(verify="never"),
    "heredity, copying": lambda: Heredity(maps_files=False),
    "safetensors": Safetensors,
    "safetensors, directory synced": lambda: Safetensors(syncs_directory=True),
    "torch": TorchFile,
    "torch, directory synced": lambda: TorchFile(syncs_directory=True),
    "torch, no CRC": lambda: TorchFile(crc32=False),
    "torch, mmap": lambda: TorchFile(maps_files=True),
    "DCP": Distributed,
    "Orbax, OCDBT": lambda: Orbax(ocdbt=True),
    "Orbax, files": lambda: Orbax(ocdbt=False),
}
