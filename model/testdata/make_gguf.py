"""Makes GGUF files of checkpoints in families/ with gguf-py, as llama.cpp's convert_hf_to_gguf.py
lays them out. What they compute is in families/NAME/want.json.

    pip install gguf safetensors torch && python3 make_gguf.py
"""
import json, math, os
import numpy as np
import torch
from gguf import GGUFWriter, TokenType
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm",
         "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}


def permute(w, heads):
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def tokenizer(w, n):
    letters = [chr(ord("a") + i) for i in range(20)]
    tokens = ["<|endoftext|>", "<|im_end|>", "Ġ"] + letters + ["ab", "Ġa", "abc", "Ġab"]
    merges = ["a b", "Ġ a", "ab c", "Ġa b"]
    tokens += [f"<unused{i}>" for i in range(n - len(tokens))]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(tokens)
    w.add_token_types([TokenType.CONTROL if t.startswith("<") else TokenType.NORMAL for t in tokens])
    w.add_token_merges(merges)
    w.add_eos_token_id(0)


def make(name, arch):
    src = os.path.join(HERE, "families", name)
    c = json.load(open(os.path.join(src, "config.json")))
    os.makedirs(os.path.join(HERE, "gguf"), exist_ok=True)
    w = GGUFWriter(os.path.join(HERE, "gguf", name + ".gguf"), arch)
    dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    rope = c["rope_parameters"]
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(c["num_key_value_heads"])
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if arch == "llama":
        w.add_rope_dimension_count(dim)
        w.add_vocab_size(c["vocab_size"])
    else:
        w.add_key_length(dim)
        w.add_value_length(dim)
    if arch == "gemma3":
        w.add_sliding_window(c["sliding_window"])
        w.add_uint32("gemma3.attention.sliding_window_pattern", 2)
    tokenizer(w, c["vocab_size"])
    if rope.get("rope_type") == "llama3":
        factors = []
        low, high = rope["original_max_position_embeddings"] / rope["low_freq_factor"], rope["original_max_position_embeddings"] / rope["high_freq_factor"]
        for i in range(0, dim, 2):
            length = 2 * math.pi * rope["rope_theta"] ** (i / dim)
            if length < high:
                factors.append(1)
            elif length > low:
                factors.append(rope["factor"])
            else:
                smooth = (rope["original_max_position_embeddings"] / length - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
                factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
        w.add_tensor("rope_freqs.weight", np.array(factors, dtype=np.float32))
    for key, t in load_file(os.path.join(src, "model.safetensors")).items():
        stem, ending = key.rsplit(".", 1)
        x = t.float().numpy()
        if arch == "llama" and "q_proj" in stem:
            x = permute(x, c["num_attention_heads"])
        if arch == "llama" and "k_proj" in stem:
            x = permute(x, c["num_key_value_heads"])
        if arch == "gemma3" and stem.endswith("norm"):
            x = x + 1
        layer = ""
        if stem.startswith("model.layers."):
            _, _, n, stem = stem.split(".", 3)
            layer = f"blk.{n}."
        names = dict(NAMES)
        names["post_attention_layernorm"] = "post_attention_norm" if arch == "gemma3" else "ffn_norm"
        w.add_tensor(f"{layer}{names[stem]}.{ending}", x.astype(np.float16) if x.ndim == 2 else x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


for name, arch in [("llama-theta", "llama"), ("llama-llama3", "llama"), ("qwen3", "qwen3"), ("gemma3", "gemma3")]:
    make(name, arch)
