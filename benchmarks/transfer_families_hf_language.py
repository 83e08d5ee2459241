"""Families of `transformers` that read and write words."""

from __future__ import annotations

from typing import Any

from transfer_families_hf import VOCABULARY, Family

_IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_BERT: dict[str, Any] = {  # Any: as in Options
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
    "num_labels": 3,
    "pad_token_id": 0,
}
_BERT_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64},
    "perceptron": {"intermediate_size": 48},
    "depth": {"num_hidden_layers": 3},
}
_LLAMA: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 32,
    "use_cache": False,
    **_IDS,
}
_LLAMA_CHANGES: dict[str, dict[str, Any]] = {
    "width x1.5": {"hidden_size": 48, "num_attention_heads": 6},
    "width x2, depth": {
        "hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 4, "num_hidden_layers": 3,
    },
    "perceptron": {"intermediate_size": 72},
    "depth": {"num_hidden_layers": 3},
}  # fmt: skip
_FIXED_HEAD = {**_LLAMA, "head_dim": 8}
_GPT2: dict[str, Any] = {
    "vocab_size": VOCABULARY, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2, "use_cache": False,
    **_IDS,
}  # fmt: skip
_GPT2_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"n_embd": 32, "n_head": 4},
    "width x1.5": {"n_embd": 24, "n_head": 3},
    "head size": {"n_embd": 32},
    "perceptron": {"n_inner": 80},
    "depth": {"n_layer": 4},
}
_T5: dict[str, Any] = {
    "vocab_size": VOCABULARY, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2,
    "use_cache": False, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
}  # fmt: skip
_T5_CHANGES: dict[str, dict[str, Any]] = {
    "width x1.5": {"d_model": 24, "num_heads": 3},
    "perceptron": {"d_ff": 48},
    "depth": {"num_layers": 3},
}
_BART: dict[str, Any] = {
    "vocab_size": VOCABULARY, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
    "max_position_embeddings": 16, "use_cache": False, "decoder_start_token_id": 2,
    "forced_eos_token_id": None, **_IDS,
}  # fmt: skip
_BART_CHANGES: dict[str, dict[str, Any]] = {
    "width x2": {"d_model": 32, "encoder_attention_heads": 4, "decoder_attention_heads": 4},
    "perceptron": {"encoder_ffn_dim": 48, "decoder_ffn_dim": 48},
    "depth": {"encoder_layers": 2, "decoder_layers": 2},
}
_MAMBA: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 2, "time_step_rank": 2,
    "use_cache": False, **_IDS,
}  # fmt: skip
_DISTILBERT = {
    "vocab_size": VOCABULARY, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32,
    "max_position_embeddings": 16, "num_labels": 3,
}  # fmt: skip
_PLAIN_CALL = {"use_cache": False}


def _causal(name: str, small: dict[str, Any], changes: dict[str, dict[str, Any]]) -> Family:
    return Family(f"{name}ForCausalLM", f"{name}Config", "words", small, changes, _PLAIN_CALL)


def _classifier(name: str, small: dict[str, Any], changes: dict[str, dict[str, Any]]) -> Family:
    return Family(f"{name}ForSequenceClassification", f"{name}Config", "words", small, changes)


LANGUAGE: dict[str, Family] = {
    "BERT": _classifier("Bert", _BERT, _BERT_CHANGES),
    "RoBERTa": _classifier("Roberta", {**_BERT, "type_vocab_size": 1, "pad_token_id": 1}, _BERT_CHANGES),
    "DistilBERT": _classifier(
        "DistilBert", _DISTILBERT,
        {"width x2": {"dim": 32, "n_heads": 4, "hidden_dim": 64}, "perceptron": {"hidden_dim": 48}},
    ),
    "ALBERT": _classifier("Albert", {**_BERT, "embedding_size": 8}, {
        "width x2": _BERT_CHANGES["width x2"],
        "embedding": {"embedding_size": 12},
        "perceptron": {"intermediate_size": 48},
    }),
    "ELECTRA": _classifier(
        "Electra", {**_BERT, "embedding_size": 8}, {"width x2": _BERT_CHANGES["width x2"]}
    ),
    "MPNet": _classifier("MPNet", {**_BERT, "pad_token_id": 1}, {"perceptron": {"intermediate_size": 48}}),
    "DeBERTa V2": _classifier(
        "DebertaV2",
        {**_BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
        {"width x2": _BERT_CHANGES["width x2"], "perceptron": {"intermediate_size": 48}},
    ),
    "ModernBERT": _classifier(
        "ModernBert", {**_BERT, "global_attn_every_n_layers": 2, "local_attention": 4, "cls_token_id": 1,
                       "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2},
        {"width x2": _BERT_CHANGES["width x2"], "depth": {"num_hidden_layers": 4}},
    ),
    "GPT-2": Family("GPT2LMHeadModel", "GPT2Config", "words", _GPT2, _GPT2_CHANGES, _PLAIN_CALL),
    "GPT-Neo": _causal(
        "GPTNeo",
        {"vocab_size": VOCABULARY, "hidden_size": 16, "num_layers": 2, "num_heads": 2, "window_size": 4,
         "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 16, **_IDS},
        {"width x2": {"hidden_size": 32, "num_heads": 4}, "perceptron": {"intermediate_size": 80}},
    ),
    "GPT-NeoX": _causal("GPTNeoX", {**_BERT, **_IDS, "hidden_size": 32}, {
        "width x2": {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 64},
        "perceptron": {"intermediate_size": 48},
        "depth": {"num_hidden_layers": 3},
    }),
    "GPT-J": _causal("GPTJ", {**_GPT2, "rotary_dim": 4}, {
        "width x2": {"n_embd": 32, "n_head": 4}, "depth": {"n_layer": 3},
    }),
    "OPT": _causal(
        "OPT",
        {"vocab_size": VOCABULARY, "hidden_size": 16, "word_embed_proj_dim": 16, "num_hidden_layers": 2,
         "num_attention_heads": 2, "ffn_dim": 32, "max_position_embeddings": 16, **_IDS},
        {"width x2": {"hidden_size": 32, "word_embed_proj_dim": 32, "num_attention_heads": 4},
         "perceptron": {"ffn_dim": 48}, "depth": {"num_hidden_layers": 3}},
    ),
    "BLOOM": _causal(
        "Bloom", {"vocab_size": VOCABULARY, "hidden_size": 16, "n_layer": 2, "n_head": 2, **_IDS},
        {"width x2": {"hidden_size": 32, "n_head": 4}, "depth": {"n_layer": 3}},
    ),
    "Falcon": _causal(
        "Falcon", {**_BERT, **_IDS, "ffn_hidden_size": 32},
        {"perceptron": {"ffn_hidden_size": 48}, "depth": {"num_hidden_layers": 3}},
    ),
    "Llama": _causal("Llama", _LLAMA, {**_LLAMA_CHANGES, "head size": {"head_dim": 16}}),
    "Llama, tied": _causal("Llama", {**_LLAMA, "tie_word_embeddings": True}, {
        "width x1.5": _LLAMA_CHANGES["width x1.5"], "width x2, depth": _LLAMA_CHANGES["width x2, depth"],
    }),
    "Mistral": _causal("Mistral", _FIXED_HEAD, _LLAMA_CHANGES),
    "Mixtral": _causal(
        "Mixtral", {**_FIXED_HEAD, "num_local_experts": 4, "experts_implementation": "batched_mm"},
        {"width x1.5": _LLAMA_CHANGES["width x1.5"], "perceptron": {"intermediate_size": 72},
         "depth": {"num_hidden_layers": 3}, "experts": {"num_local_experts": 8}},
    ),
    "Qwen 2": _causal("Qwen2", _LLAMA, _LLAMA_CHANGES),
    "Qwen 3": _causal("Qwen3", _FIXED_HEAD, _LLAMA_CHANGES),
    "Gemma": _causal("Gemma", {**_FIXED_HEAD, "hidden_activation": "gelu_pytorch_tanh"}, _LLAMA_CHANGES),
    "Gemma 2": _causal("Gemma2", {**_FIXED_HEAD, "query_pre_attn_scalar": 8, "sliding_window": 4}, {
        "width x1.5": _LLAMA_CHANGES["width x1.5"], "depth": {"num_hidden_layers": 4},
    }),
    "Phi": _causal("Phi", {**_LLAMA, "num_key_value_heads": 4}, {
        "width x2": {"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 8},
        "depth": {"num_hidden_layers": 3},
    }),
    "OLMo 2": _causal("Olmo2", _LLAMA, {
        "width x1.5": _LLAMA_CHANGES["width x1.5"], "depth": {"num_hidden_layers": 3},
    }),
    "T5, encoder": Family(
        "T5ForTokenClassification", "T5Config", "words", {**_T5, "num_labels": 3}, _T5_CHANGES
    ),
    "T5": Family(
        "T5ForConditionalGeneration", "T5Config", "words and words", _T5,
        {**_T5_CHANGES, "depth": {"num_layers": 3, "num_decoder_layers": 3}}, _PLAIN_CALL,
    ),
    "BART": Family(
        "BartForConditionalGeneration", "BartConfig", "words and words", _BART, _BART_CHANGES, _PLAIN_CALL
    ),
    "Pegasus": Family(
        "PegasusForConditionalGeneration", "PegasusConfig", "words and words", _BART, _BART_CHANGES,
        _PLAIN_CALL,
    ),
    "Mamba": _causal("Mamba", _MAMBA, {
        "width x2": {"hidden_size": 32}, "state": {"state_size": 6}, "depth": {"num_hidden_layers": 3},
    }),
}  # fmt: skip
