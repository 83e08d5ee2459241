"""Trials on a Ray cluster, one task an attempt. The only room that imports ray; loaded when asked for."""

from heredity.engine.executors.on_ray.executor import RayExecutor

__all__ = ["RayExecutor"]
