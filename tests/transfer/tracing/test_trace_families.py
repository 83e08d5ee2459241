"""What practitioners train becomes a graph, and runs from it without its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import transformers as hf

from heredity.graph import fingerprint, graph_from_json
from heredity.transfer import StoredNetwork, outputs_of, trace

Family = tuple[type[torch.nn.Module], hf.PretrainedConfig, tuple[str, ...]]

_TEXT = ("input_ids",)
_IMAGE = ("pixel_values",)
_LLAMA: dict[str, Any] = {  # of as many types as settings
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
}
_BERT: dict[str, Any] = {  # of as many types as settings
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
_T5 = hf.T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)


def gpt2() -> Family:
    config = hf.GPT2Config(
        vocab_size=64, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return hf.GPT2LMHeadModel, config, _TEXT


def llama() -> Family:
    return hf.LlamaForCausalLM, hf.LlamaConfig(**_LLAMA), _TEXT


def qwen3() -> Family:
    return hf.Qwen3ForCausalLM, hf.Qwen3Config(**_LLAMA, head_dim=16), _TEXT


def mixtral() -> Family:
    return hf.MixtralForCausalLM, hf.MixtralConfig(**_LLAMA, num_local_experts=4), _TEXT


def bert() -> Family:
    config = hf.BertConfig(vocab_size=64, max_position_embeddings=32, **_BERT)
    return hf.BertForSequenceClassification, config, _TEXT


def t5_encoder() -> Family:
    return hf.T5EncoderModel, _T5, _TEXT


def t5() -> Family:
    return hf.T5ForConditionalGeneration, _T5, ("input_ids", "decoder_input_ids")


def mamba() -> Family:
    config = hf.MambaConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=2, state_size=4, time_step_rank=2
    )
    return hf.MambaForCausalLM, config, _TEXT


def vit() -> Family:
    return hf.ViTForImageClassification, hf.ViTConfig(image_size=32, patch_size=8, **_BERT), _IMAGE


def swin() -> Family:
    config = hf.SwinConfig(
        image_size=32, patch_size=2, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
    )
    return hf.SwinForImageClassification, config, _IMAGE


def resnet() -> Family:
    config = hf.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic")
    return hf.ResNetForImageClassification, config, _IMAGE


def convnext() -> Family:
    config = hf.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)
    return hf.ConvNextForImageClassification, config, _IMAGE


def mobilenet_v2() -> Family:
    config = hf.MobileNetV2Config(depth_multiplier=0.35, image_size=32)
    return hf.MobileNetV2ForImageClassification, config, _IMAGE


def efficientnet() -> Family:
    config = hf.EfficientNetConfig(
        image_size=32, width_coefficient=0.25, depth_coefficient=0.25, hidden_dim=320
    )
    return hf.EfficientNetForImageClassification, config, _IMAGE


def regnet() -> Family:
    config = hf.RegNetConfig(embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1], groups_width=8)
    return hf.RegNetForImageClassification, config, _IMAGE


FAMILIES = [
    gpt2, llama, qwen3, mixtral, bert, t5_encoder, t5, mamba, vit, swin, resnet, convnext, mobilenet_v2,
    efficientnet, regnet,
]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_family_runs_from_its_graph_at_any_batch_in_both_modes(family: Callable[[], Family]) -> None:
    torch.manual_seed(0)
    make, config, names = family()
    module = make(config)
    graph = trace(module, _inputs(names, rows=2))
    assert graph.is_alike_in_training
    network = StoredNetwork(graph_from_json(graph.to_json()), module.state_dict())
    inputs = _inputs(names, rows=3)
    theirs, ours = (outputs_of(each, inputs, dtype=torch.float32) for each in (module, network))
    assert torch.allclose(ours.in_eval[0], theirs.in_eval[0], rtol=1e-5, atol=1e-6)
    assert torch.allclose(ours.in_training[0], theirs.in_training[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("family", [llama, swin], ids=lambda family: family.__name__)
def test_a_family_has_one_graph_for_all_batches(family: Callable[[], Family]) -> None:
    make, config, names = family()
    module = make(config)
    one, other = (trace(module, _inputs(names, rows=rows)) for rows in (1, 5))
    assert fingerprint(one) == fingerprint(other)


def test_in_float64_all_of_a_stored_network_is_computed_in_float64() -> None:
    """Although the recorded one casts to float32 inside its norms."""
    module = hf.LlamaForCausalLM(hf.LlamaConfig(**_LLAMA))
    network = StoredNetwork(trace(module, _inputs(_TEXT, rows=2)), module.state_dict())
    (found,) = outputs_of(network, _inputs(_TEXT, rows=2), dtype=torch.float64).in_eval
    (rounded,) = outputs_of(network, _inputs(_TEXT, rows=2), dtype=torch.float32).in_eval
    assert found.dtype == torch.float64
    assert 0 < (found - rounded).abs().max() < 1e-5


def _inputs(names: tuple[str, ...], *, rows: int) -> Mapping[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows)
    return {
        name: torch.randn(rows, 3, 32, 32, generator=generator)
        if name == "pixel_values"
        else torch.randint(1, 64, (rows, 7), generator=generator)
        for name in names
    }
