"""Makes gpt2/, llama/ and pegasus/ here: a tiny checkpoint each, and the logits of the
papers' equations in numpy float64, written without a look at our Go code.

    pip install numpy && python3 forward.py

The same folders load in transformers (AutoModelForCausalLM.from_pretrained);
with torch and transformers installed, `python3 forward.py --check` compares.
"""
import json, os, struct, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
IDS = [[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 0]]


def weights(shapes):
    """Numbers without a generator, so that anyone can make them again."""
    out = {}
    for k, (name, shape) in enumerate(shapes.items()):
        n = int(np.prod(shape))
        w = 0.3 * np.sin(1.7 * np.arange(n) * (k + 3) % 6.1 + k)
        if len(shape) == 1 and name.endswith("weight"):
            w += 1
        out[name] = w.reshape(shape).astype(np.float32)
    return out


def save(folder, config, arrays, logits):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=2, sort_keys=True)
        f.write("\n")
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(arrays):
        n = arrays[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(arrays[name].shape), "data_offsets": [at, at + n]}
        at += n
    h = json.dumps(header, separators=(",", ":")).encode()
    h += b" " * (-len(h) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(h)) + h)
        for name in sorted(arrays):
            f.write(arrays[name].tobytes())
    with open(os.path.join(folder, "logits.json"), "w") as f:
        json.dump({"ids": IDS, "logits": np.round(logits, 7).tolist()}, f)
        f.write("\n")


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(q, k, v):  # (heads, T, D)
    t = q.shape[1]
    s = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2])
    return softmax(np.where(np.tril(np.ones((t, t), bool)), s, -np.inf)) @ v


def split(x, heads):  # (T, heads*D) -> (heads, T, D)
    return x.reshape(x.shape[0], heads, -1).transpose(1, 0, 2)


def join(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def gpt2():
    V, P, C, L, H, eps = 11, 8, 8, 2, 2, 1e-5
    shapes = {"transformer.wte.weight": (V, C), "transformer.wpe.weight": (P, C)}
    for i in range(L):
        p = f"transformer.h.{i}."
        shapes |= {p + "ln_1.weight": (C,), p + "ln_1.bias": (C,), p + "attn.c_attn.weight": (C, 3 * C), p + "attn.c_attn.bias": (3 * C,),
                   p + "attn.c_proj.weight": (C, C), p + "attn.c_proj.bias": (C,), p + "ln_2.weight": (C,), p + "ln_2.bias": (C,),
                   p + "mlp.c_fc.weight": (C, 4 * C), p + "mlp.c_fc.bias": (4 * C,), p + "mlp.c_proj.weight": (4 * C, C), p + "mlp.c_proj.bias": (C,)}
    shapes |= {"transformer.ln_f.weight": (C,), "transformer.ln_f.bias": (C,)}
    w = weights(shapes)

    def layer_norm(x, p):
        d = x - x.mean(-1, keepdims=True)
        return d / np.sqrt((d * d).mean(-1, keepdims=True) + eps) * w[p + ".weight"] + w[p + ".bias"]

    def conv(x, p):
        return x @ w[p + ".weight"].astype(float) + w[p + ".bias"]

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def logits(ids):
        x = w["transformer.wte.weight"].astype(float)[ids] + w["transformer.wpe.weight"][: len(ids)]
        for i in range(L):
            p = f"transformer.h.{i}."
            q, k, v = np.split(conv(layer_norm(x, p + "ln_1"), p + "attn.c_attn"), 3, axis=1)
            x = x + conv(join(attention(split(q, H), split(k, H), split(v, H))), p + "attn.c_proj")
            x = x + conv(gelu(conv(layer_norm(x, p + "ln_2"), p + "mlp.c_fc")), p + "mlp.c_proj")
        return layer_norm(x, "transformer.ln_f") @ w["transformer.wte.weight"].T

    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": V, "n_positions": P, "n_embd": C, "n_layer": L,
              "n_head": H, "activation_function": "gelu_new", "layer_norm_epsilon": eps, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    save(os.path.join(HERE, "gpt2"), config, w, np.stack([logits(i) for i in IDS]))


def llama():
    V, P, C, L, H, KV, F, eps, theta = 11, 8, 16, 2, 4, 2, 24, 1e-6, 100.0
    D = C // H
    shapes = {"model.embed_tokens.weight": (V, C)}
    for i in range(L):
        p = f"model.layers.{i}."
        shapes |= {p + "input_layernorm.weight": (C,), p + "self_attn.q_proj.weight": (H * D, C), p + "self_attn.k_proj.weight": (KV * D, C),
                   p + "self_attn.v_proj.weight": (KV * D, C), p + "self_attn.o_proj.weight": (C, H * D), p + "post_attention_layernorm.weight": (C,),
                   p + "mlp.gate_proj.weight": (F, C), p + "mlp.up_proj.weight": (F, C), p + "mlp.down_proj.weight": (C, F)}
    shapes |= {"model.norm.weight": (C,), "lm_head.weight": (V, C)}
    w = weights(shapes)

    def rms_norm(x, p):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w[p + ".weight"]

    def linear(x, p):
        return x @ w[p + ".weight"].astype(float).T

    def rotate(x):  # (heads, T, D): feature i turns with feature i + D/2
        angle = np.arange(x.shape[1])[:, None] * theta ** (-2 * np.arange(D // 2) / D)
        c, s, a, b = np.cos(angle), np.sin(angle), x[..., : D // 2], x[..., D // 2 :]
        return np.concatenate([a * c - b * s, b * c + a * s], -1)

    def logits(ids):
        x = w["model.embed_tokens.weight"].astype(float)[ids]
        for i in range(L):
            p = f"model.layers.{i}."
            h = rms_norm(x, p + "input_layernorm")
            q = rotate(split(linear(h, p + "self_attn.q_proj"), H))
            k = rotate(split(linear(h, p + "self_attn.k_proj"), KV)).repeat(H // KV, 0)
            v = split(linear(h, p + "self_attn.v_proj"), KV).repeat(H // KV, 0)
            x = x + linear(join(attention(q, k, v)), p + "self_attn.o_proj")
            h = rms_norm(x, p + "post_attention_layernorm")
            gate = linear(h, p + "mlp.gate_proj")
            x = x + linear(gate / (1 + np.exp(-gate)) * linear(h, p + "mlp.up_proj"), p + "mlp.down_proj")
        return linear(rms_norm(x, "model.norm"), "lm_head")

    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": V, "max_position_embeddings": P, "hidden_size": C,
              "intermediate_size": F, "num_hidden_layers": L, "num_attention_heads": H, "num_key_value_heads": KV, "hidden_act": "silu",
              "rms_norm_eps": eps, "rope_theta": theta, "rope_scaling": None, "attention_bias": False, "tie_word_embeddings": False}
    save(os.path.join(HERE, "llama"), config, w, np.stack([logits(i) for i in IDS]))


def pegasus():
    V, P, C, L, H, F, eps = 11, 8, 8, 1, 2, 12, 1e-5
    shapes = {"model.shared.weight": (V, C)}
    for side in "encoder", "decoder":
        for i in range(L):
            p = f"model.{side}.layers.{i}."
            for part in ["self_attn"] + ["encoder_attn"] * (side == "decoder"):
                for m in "k_proj", "v_proj", "q_proj", "out_proj":
                    shapes |= {p + part + "." + m + ".weight": (C, C), p + part + "." + m + ".bias": (C,)}
                shapes |= {p + part + "_layer_norm.weight": (C,), p + part + "_layer_norm.bias": (C,)}
            shapes |= {p + "fc1.weight": (F, C), p + "fc1.bias": (F,), p + "fc2.weight": (C, F), p + "fc2.bias": (C,),
                       p + "final_layer_norm.weight": (C,), p + "final_layer_norm.bias": (C,)}
        shapes |= {f"model.{side}.layer_norm.weight": (C,), f"model.{side}.layer_norm.bias": (C,)}
    w = weights(shapes)

    def layer_norm(x, p):
        d = x - x.mean(-1, keepdims=True)
        return d / np.sqrt((d * d).mean(-1, keepdims=True) + eps) * w[p + ".weight"] + w[p + ".bias"]

    def linear(x, p):
        return x @ w[p + ".weight"].astype(float).T + w[p + ".bias"]

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def attend(x, kv, p, causal):
        q, k, v = split(linear(x, p + ".q_proj"), H), split(linear(kv, p + ".k_proj"), H), split(linear(kv, p + ".v_proj"), H)
        if causal:
            y = attention(q, k, v)
        else:
            y = softmax(q @ k.transpose(0, 2, 1) / np.sqrt(C // H)) @ v
        return linear(join(y), p + ".out_proj")

    def embed(ids):
        angle = np.arange(len(ids))[:, None] / 10000 ** (2 * np.arange(C // 2) / C)
        return w["model.shared.weight"].astype(float)[ids] * np.sqrt(C) + np.concatenate([np.sin(angle), np.cos(angle)], 1)

    def stack(x, side, source):
        for i in range(L):
            p = f"model.{side}.layers.{i}."
            h = layer_norm(x, p + "self_attn_layer_norm")
            x = x + attend(h, h, p + "self_attn", side == "decoder")
            if side == "decoder":
                x = x + attend(layer_norm(x, p + "encoder_attn_layer_norm"), source, p + "encoder_attn", False)
            x = x + linear(gelu(linear(layer_norm(x, p + "final_layer_norm"), p + "fc1")), p + "fc2")
        return layer_norm(x, f"model.{side}.layer_norm")

    def logits(ids):  # reads the ids, and writes them
        return stack(embed(ids), "decoder", stack(embed(ids), "encoder", None)) @ w["model.shared.weight"].T

    config = {"architectures": ["PegasusForConditionalGeneration"], "model_type": "pegasus", "vocab_size": V, "max_position_embeddings": P,
              "d_model": C, "encoder_layers": L, "decoder_layers": L, "encoder_attention_heads": H, "decoder_attention_heads": H,
              "encoder_ffn_dim": F, "decoder_ffn_dim": F, "activation_function": "gelu_new", "scale_embedding": True,
              "tie_word_embeddings": True, "dropout": 0.0}
    save(os.path.join(HERE, "pegasus"), config, w, np.stack([logits(i) for i in IDS]))


def check(folder):
    import torch, transformers
    kind = transformers.AutoModelForSeq2SeqLM if folder.endswith("pegasus") else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folder).eval()
    with open(os.path.join(folder, "logits.json")) as f:
        want = json.load(f)
    with torch.no_grad():
        ids = torch.tensor(want["ids"])
        more = {"decoder_input_ids": ids} if folder.endswith("pegasus") else {}
        got = model(ids, **more).logits.double().numpy()
    print(folder, "differs from transformers by", np.abs(got - np.array(want["logits"])).max())


if __name__ == "__main__":
    if "--check" in sys.argv:
        for folder in [a for a in sys.argv[1:] if a != "--check"] or [os.path.join(HERE, d) for d in ("gpt2", "llama", "pegasus")]:
            check(folder)
    else:
        gpt2()
        llama()
        pegasus()
