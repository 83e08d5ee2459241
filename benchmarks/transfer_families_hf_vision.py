"""Families of `transformers` that look at images or listen."""

from __future__ import annotations

from typing import Any

from transfer_families_hf import Family

_VIT: dict[str, Any] = {  # Any: as in Options
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_labels": 5,
}
_VIT_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64},
    "width x1.5, depth": {"hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 3},
    "perceptron": {"intermediate_size": 48},
    "depth": {"num_hidden_layers": 4},
}
_RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_labels": 5}
_WIDE_RESNET = {"embedding_size": 12, "hidden_sizes": [12, 24]}
_BASIC = {**_RESNET, "layer_type": "basic"}
_BOTTLENECK = {**_RESNET, "hidden_sizes": [16, 32], "layer_type": "bottleneck"}
_REGNET = {
    "embedding_size": 8,
    "hidden_sizes": [16, 32],
    "depths": [1, 1],
    "groups_width": 8,
    "num_labels": 5,
}
_REGNET_CHANGES: dict[str, dict[str, Any]] = {
    "width": {"hidden_sizes": [32, 64]},
    "depth": {"depths": [2, 3]},
    "width, depth": {"embedding_size": 12, "hidden_sizes": [24, 48], "depths": [2, 2]},
}
_CONVNEXT = {"num_stages": 2, "hidden_sizes": [8, 16], "depths": [1, 1], "patch_size": 4, "num_labels": 5}
_CONVNEXT_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"hidden_sizes": [16, 32]},
    "width x1.5": {"hidden_sizes": [12, 24]},
    "depth": {"depths": [2, 2]},
}
_SWIN = {
    "image_size": 32, "patch_size": 2, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4],
    "window_size": 4, "drop_path_rate": 0.0, "num_labels": 5,
}  # fmt: skip
_SWIN_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"embed_dim": 32, "num_heads": [4, 8]},
    "width x1.5": {"embed_dim": 24, "num_heads": [3, 6]},
    "depth": {"depths": [2, 4]},
}
_SEGFORMER = {
    "num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [8, 16],
    "patch_sizes": [7, 3], "strides": [4, 2], "num_attention_heads": [1, 2], "mlp_ratios": [2, 2],
    "drop_path_rate": 0.0, "num_labels": 5,
}  # fmt: skip
_POOLFORMER = {
    "num_encoder_blocks": 2, "depths": [1, 1], "hidden_sizes": [8, 16], "patch_sizes": [7, 3],
    "strides": [4, 2], "padding": [2, 1], "drop_path_rate": 0.0, "mlp_ratio": 2.0, "num_labels": 5,
}  # fmt: skip
_WHISPER = {
    "vocab_size": 40, "num_mel_bins": 8, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    "max_source_positions": 20, "max_target_positions": 12, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "decoder_start_token_id": 1, "suppress_tokens": None, "begin_suppress_tokens": None,
}  # fmt: skip
_WAV2VEC = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "conv_dim": [8, 8], "conv_stride": [5, 4], "conv_kernel": [10, 8],
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0, "mask_time_prob": 0.0,
    "num_feat_extract_layers": 2,
}  # fmt: skip
_WAV2VEC_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64},
    "features": {"conv_dim": [16, 16]},
    "perceptron": {"intermediate_size": 48},
}

VISION: dict[str, Family] = {
    "ResNet, basic": Family(
        "ResNetForImageClassification", "ResNetConfig", "image", _BASIC,
        {
            "width": _WIDE_RESNET,
            "depth": {"depths": [2, 3]},
            "width, depth": {**_WIDE_RESNET, "depths": [2, 2]},
            "shortcut becomes a convolution": {"hidden_sizes": [12, 24]},
        },
    ),
    "ResNet, bottleneck": Family(
        "ResNetForImageClassification", "ResNetConfig", "image", _BOTTLENECK,
        {"width": {"hidden_sizes": [24, 48]}, "width, depth": {"hidden_sizes": [24, 48], "depths": [2, 2]}},
    ),
    "BiT": Family(
        "BitForImageClassification", "BitConfig", "image",
        {"embedding_size": 8, "hidden_sizes": [16, 32], "depths": [1, 1], "num_groups": 2, "num_labels": 5},
        {"width x2": {"embedding_size": 16, "hidden_sizes": [32, 64]}, "depth": {"depths": [2, 2]}},
    ),
    "RegNet X": Family(
        "RegNetForImageClassification", "RegNetConfig", "image", {**_REGNET, "layer_type": "x"},
        _REGNET_CHANGES,
    ),
    "RegNet Y": Family(
        "RegNetForImageClassification", "RegNetConfig", "image", {**_REGNET, "layer_type": "y"},
        _REGNET_CHANGES,
    ),
    "MobileNetV1": Family(
        "MobileNetV1ForImageClassification", "MobileNetV1Config", "image",
        {"depth_multiplier": 0.125, "image_size": 32, "num_labels": 5},
        {"width": {"depth_multiplier": 0.25}},
    ),
    "MobileNetV2": Family(
        "MobileNetV2ForImageClassification", "MobileNetV2Config", "image",
        {"depth_multiplier": 0.35, "image_size": 32, "num_labels": 5},
        {"width": {"depth_multiplier": 0.7}, "width x1.4": {"depth_multiplier": 0.5}},
    ),
    "EfficientNet": Family(
        "EfficientNetForImageClassification", "EfficientNetConfig", "image",
        {"image_size": 32, "width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320,
         "num_labels": 5, "drop_connect_rate": 0.0},
        {"width": {"width_coefficient": 0.5, "hidden_dim": 640}, "depth": {"depth_coefficient": 0.5}},
    ),
    "ConvNeXt": Family(
        "ConvNextForImageClassification", "ConvNextConfig", "image", _CONVNEXT, _CONVNEXT_CHANGES
    ),
    "ConvNeXt V2": Family(
        "ConvNextV2ForImageClassification", "ConvNextV2Config", "image", _CONVNEXT, _CONVNEXT_CHANGES
    ),
    "PoolFormer": Family(
        "PoolFormerForImageClassification", "PoolFormerConfig", "image", _POOLFORMER,
        {"width x2": {"hidden_sizes": [16, 32]}, "depth": {"depths": [2, 2]}},
    ),
    "ViT": Family("ViTForImageClassification", "ViTConfig", "image", _VIT, _VIT_CHANGES),
    "DeiT": Family("DeiTForImageClassification", "DeiTConfig", "image", _VIT, _VIT_CHANGES),
    "DINOv2": Family(
        "Dinov2ForImageClassification", "Dinov2Config", "image", {**_VIT, "mlp_ratio": 2},
        {"width x2": {"hidden_size": 32, "num_attention_heads": 4}, "depth": {"num_hidden_layers": 3}},
    ),
    "BEiT": Family(
        "BeitForImageClassification", "BeitConfig", "image",
        {**_VIT, "use_relative_position_bias": True, "drop_path_rate": 0.0},
        {"width x2": _VIT_CHANGES["width x2"], "depth": {"num_hidden_layers": 3}},
    ),
    "Swin": Family("SwinForImageClassification", "SwinConfig", "image", _SWIN, _SWIN_CHANGES),
    "Swin V2": Family("Swinv2ForImageClassification", "Swinv2Config", "image", _SWIN, _SWIN_CHANGES),
    "Segformer": Family(
        "SegformerForImageClassification", "SegformerConfig", "image", _SEGFORMER,
        {
            "width x2": {"hidden_sizes": [16, 32], "num_attention_heads": [2, 4]},
            "depth": {"depths": [2, 2]},
        },
    ),
    "Whisper": Family(
        "WhisperForConditionalGeneration", "WhisperConfig", "spectrum and words", _WHISPER,
        {
            "width x2": {"d_model": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4},
            "depth": {"encoder_layers": 2, "decoder_layers": 2},
        },
        {"use_cache": False},
    ),
    "wav2vec 2": Family("Wav2Vec2ForCTC", "Wav2Vec2Config", "sound", _WAV2VEC, _WAV2VEC_CHANGES),
    "HuBERT": Family("HubertForCTC", "HubertConfig", "sound", _WAV2VEC, _WAV2VEC_CHANGES),
}  # fmt: skip
