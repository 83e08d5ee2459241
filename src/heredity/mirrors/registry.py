"""The kinds of mirrors that an experiment file and the command line may name."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping

from heredity.errors import ConfigError
from heredity.mirrors.base import MirrorSettings

MIRRORS: Mapping[str, str] = {
    "csv": "heredity.mirrors.csv_files:CsvFiles",
    "mlflow": "heredity.mirrors.mlflow:MLflow",
    "parquet": "heredity.mirrors.parquet_files:ParquetFiles",
    "tensorboard": "heredity.mirrors.tensorboard:TensorBoard",
    "wandb": "heredity.mirrors.wandb:WeightsAndBiases",
}
"""Module and class of the settings, by kind. The keys of a kind in a file are the arguments of its class."""


def settings_of(mirror: str | MirrorSettings) -> MirrorSettings:
    """The settings of a mirror; a kind alone stands for its defaults.

    Raises:
        ConfigError: There is no such kind.
    """
    if isinstance(mirror, MirrorSettings):
        return mirror
    if mirror not in MIRRORS:
        near = difflib.get_close_matches(mirror, MIRRORS, n=1)
        raise ConfigError(
            f"mirror {mirror!r}: expected one of {', '.join(MIRRORS)}.",
            hint=f"Did you mean {near[0]!r}?" if near else "",
        )
    module, _, name = MIRRORS[mirror].partition(":")
    made: MirrorSettings = getattr(importlib.import_module(module), name)()
    return made
