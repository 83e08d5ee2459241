"""Supernets trained by samples: at each step one architecture runs, or a few."""

from heredity.oneshot.sampled.controller import ControlledPaths, Controller, Draw
from heredity.oneshot.sampled.controlling import ControllerTraining
from heredity.oneshot.sampled.judging import recalibrated, score_of
from heredity.oneshot.sampled.samplers import FairPaths, Sampler, Sandwich, UniformPaths
from heredity.oneshot.sampled.stepping import backward, soft_cross_entropy, step
from heredity.oneshot.sampled.training import SupernetTraining

__all__ = [
    "ControlledPaths", "Controller", "ControllerTraining", "Draw", "FairPaths", "Sampler", "Sandwich",
    "SupernetTraining", "UniformPaths", "backward", "recalibrated", "score_of", "soft_cross_entropy", "step",
]  # fmt: skip
