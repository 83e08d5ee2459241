"""Pairs from `timm`, where it is installed: the members are those that its names tell apart."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from transfer_families_measure import Entry

Options = Mapping[str, Any]  # Any: timm's keyword arguments
_SMALL_VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
_SMALL_SWIN = {
    "img_size": 32,
    "patch_size": 2,
    "embed_dim": 16,
    "depths": (2, 2),
    "num_heads": (2, 4),
    "window_size": 4,
}
_WIDE_SWIN = {**_SMALL_SWIN, "embed_dim": 32, "num_heads": (4, 8)}

# family -> change -> the smaller and the larger member: a name, and timm's keyword arguments
_PAIRS: dict[str, dict[str, tuple[tuple[str, Options], tuple[str, Options]]]] = {
    "ResNet": {
        "26 -> 50": (
            ("resnet26", {"channels": (8, 8, 16, 16)}),
            ("resnet50", {"channels": (8, 8, 16, 16)}),
        ),
        "18 -> 34": (
            ("resnet18", {"channels": (8, 16, 24, 32)}),
            ("resnet34", {"channels": (8, 16, 24, 32)}),
        ),
        "18, width": (
            ("resnet18", {"channels": (8, 16, 24, 32)}),
            ("resnet18", {"channels": (12, 16, 32, 48)}),
        ),
    },
    "DenseNet": {
        "growth": (
            ("densenet121", {"growth_rate": 4, "block_config": (2, 2)}),
            ("densenet121", {"growth_rate": 6, "block_config": (2, 2)}),
        ),
        "depth": (
            ("densenet121", {"growth_rate": 4, "block_config": (2, 2)}),
            ("densenet121", {"growth_rate": 4, "block_config": (2, 3)}),
        ),
    },
    "RegNet": {
        "x_002 -> x_004": (("regnetx_002", {}), ("regnetx_004", {})),
        "y_002 -> y_004": (("regnety_002", {}), ("regnety_004", {})),
    },
    "MobileNetV3": {"small 050 -> 075": (("mobilenetv3_small_050", {}), ("mobilenetv3_small_075", {}))},
    "MobileNetV2": {"035 -> 050": (("mobilenetv2_035", {}), ("mobilenetv2_050", {}))},
    "EfficientNet": {
        "lite0 -> lite1": (("efficientnet_lite0", {}), ("efficientnet_lite1", {})),
        "b0 -> b1": (("efficientnet_b0", {}), ("efficientnet_b1", {})),
    },
    "GhostNet": {"050 -> 100": (("ghostnet_050", {}), ("ghostnet_100", {}))},
    "ConvNeXt": {
        "atto -> femto": (("convnext_atto", {}), ("convnext_femto", {})),
        "V2 atto -> femto": (("convnextv2_atto", {}), ("convnextv2_femto", {})),
        "width x2, depth": (
            ("convnext_atto", {"dims": (8, 16, 24, 32), "depths": (1, 1, 2, 1)}),
            ("convnext_atto", {"dims": (16, 32, 48, 64), "depths": (1, 2, 3, 1)}),
        ),
    },
    "ViT": {
        "width": (
            ("vit_tiny_patch16_224", _SMALL_VIT),
            ("vit_tiny_patch16_224", {**_SMALL_VIT, "embed_dim": 32, "num_heads": 4}),
        ),
        "depth": (
            ("vit_tiny_patch16_224", _SMALL_VIT),
            ("vit_tiny_patch16_224", {**_SMALL_VIT, "depth": 3}),
        ),
    },
    "DeiT III": {
        "width x1.5, depth": (
            ("deit3_small_patch16_224", _SMALL_VIT),
            ("deit3_small_patch16_224", {**_SMALL_VIT, "embed_dim": 24, "num_heads": 3, "depth": 3}),
        ),
    },
    "Swin": {
        "width x2": (
            ("swin_tiny_patch4_window7_224", _SMALL_SWIN),
            ("swin_tiny_patch4_window7_224", _WIDE_SWIN),
        ),
        "depth": (
            ("swin_tiny_patch4_window7_224", _SMALL_SWIN),
            ("swin_tiny_patch4_window7_224", {**_SMALL_SWIN, "depths": (2, 4)}),
        ),
    },
    "ResNet V2": {
        "depth": (
            ("resnetv2_50", {"layers": (1, 1, 1, 1), "channels": (16, 32, 32, 32)}),
            ("resnetv2_50", {"layers": (1, 2, 3, 1), "channels": (16, 32, 32, 32)}),
        ),
        "width": (
            ("resnetv2_50", {"layers": (1, 1, 1, 1), "channels": (16, 32, 32, 32)}),
            ("resnetv2_50", {"layers": (1, 1, 1, 1), "channels": (32, 48, 64, 64)}),
        ),
    },
    "MLP-Mixer": {
        "width, depth": (
            ("mlp_mixer.MlpMixer", {"img_size": 64, "embed_dim": 16, "num_blocks": 2}),
            ("mlp_mixer.MlpMixer", {"img_size": 64, "embed_dim": 32, "num_blocks": 3}),
        )
    },
    "MobileOne": {"s0 -> s1": (("mobileone_s0", {}), ("mobileone_s1", {}))},
}


def entries() -> Iterator[Entry]:
    """All pairs; none if timm is not installed."""
    if importlib.util.find_spec("timm") is None:
        return
    for family, pairs in _PAIRS.items():
        for change, (small, large) in pairs.items():
            size = small[1].get("img_size", 32)
            inputs = functools.partial(_image, size)
            yield Entry(
                "timm",
                family,
                change,
                functools.partial(_made, *small),
                functools.partial(_made, *large),
                inputs,
            )


def _made(name: str, options: Options) -> nn.Module:
    """A model by the name that timm registers, or by its file and class."""
    file, _, model = name.rpartition(".")
    make = getattr(importlib.import_module(f"timm.models.{file}"), model) if file else _registered(name)
    module: nn.Module = make(num_classes=5, **options)
    return module


def _registered(name: str) -> Callable[..., nn.Module]:
    timm = importlib.import_module("timm")
    return functools.partial(timm.create_model, name)


def _image(size: int) -> tuple[torch.Tensor]:
    return (torch.randn(2, 3, size, size),)
