"""Results of an experiment in tools that people look at already: CSV, Parquet, TensorBoard, MLflow, W&B.

Each tool has one file, which alone imports it, when a mirror is opened.
"""

from heredity.mirrors.base import Mirror, MirrorSettings
from heredity.mirrors.csv_files import CsvFiles
from heredity.mirrors.facts import ExperimentFacts, TrialFacts
from heredity.mirrors.mirroring import Mirroring, MirrorOutcome
from heredity.mirrors.mlflow import MLflow
from heredity.mirrors.parquet_files import ParquetFiles
from heredity.mirrors.registry import MIRRORS, settings_of
from heredity.mirrors.tensorboard import TensorBoard
from heredity.mirrors.wandb import WeightsAndBiases

__all__ = [
    "MIRRORS",
    "CsvFiles",
    "ExperimentFacts",
    "MLflow",
    "Mirror",
    "MirrorOutcome",
    "MirrorSettings",
    "Mirroring",
    "ParquetFiles",
    "TensorBoard",
    "TrialFacts",
    "WeightsAndBiases",
    "settings_of",
]
