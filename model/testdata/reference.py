"""What PyTorch computes with the models that TestReference writes: python reference.py FOLDER > reference.json"""
import json
import math
import sys

import torch
from safetensors.torch import load_file


def inside(docs, ids):
    """Cuts a row into its documents."""
    start = 0
    for i in range(1, len(ids) + 1):
        if i == len(ids) or docs[i] != docs[start]:
            yield start, i
            start = i


def lstm(w, c, ids):
    x = w["encoder.weight"][ids].unsqueeze(0)
    for i in range(c["num_hidden_layers"]):
        ih, hh, bias = w[f"rnn.{i}.weight_ih"], w[f"rnn.{i}.weight_hh"], w[f"rnn.{i}.bias"]
        layer = torch.nn.LSTM(ih.shape[1], hh.shape[1], batch_first=True).double()
        layer.weight_ih_l0.data, layer.weight_hh_l0.data = ih, hh
        layer.bias_ih_l0.data, layer.bias_hh_l0.data = bias, torch.zeros_like(bias)
        x, _ = layer(x)
    return x[0] @ w["decoder.weight"].T


def nnlm(w, c, ids):
    n, pad = c["order"] - 1, c["vocab_size"]
    rows = []
    for t in range(len(ids)):
        rows.append([ids[t - k] if t >= k else pad for k in range(n)])
    x = w["embed.weight"][torch.tensor(rows)].reshape(len(ids), -1)
    h = torch.tanh(x @ w["hidden.weight"].T + w["hidden.bias"])
    return (h @ w["output.weight"].T + w["output.bias"]) @ w["head.weight"].T


def rms(x, gain, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * gain


def palm(w, c, ids):
    t, heads, kv = len(ids), c["num_attention_heads"], c["num_key_value_heads"]
    d = c["hidden_size"] // heads
    angle = torch.arange(t).double()[:, None] * c["rope_theta"] ** (-torch.arange(0, d, 2).double() / d)

    def rotate(x):  # (heads, T, D)
        a, b = x[..., : d // 2], x[..., d // 2:]
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)

    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        n = rms(x, w[p + "input_layernorm.weight"], c["rms_norm_eps"])
        split = lambda name, k: (n @ w[p + f"self_attn.{name}_proj.weight"].T).view(t, k, d).transpose(0, 1)
        q, k, v = rotate(split("q", heads)), rotate(split("k", kv)), split("v", kv)
        k, v = k.repeat_interleave(heads // kv, 0), v.repeat_interleave(heads // kv, 0)
        s = (q @ k.transpose(1, 2) / math.sqrt(d)).masked_fill(torch.ones(t, t).triu(1).bool(), -math.inf).softmax(-1)
        a = (s @ v).transpose(0, 1).reshape(t, -1) @ w[p + "self_attn.o_proj.weight"].T
        m = torch.nn.functional.silu(n @ w[p + "mlp.gate_proj.weight"].T) * (n @ w[p + "mlp.up_proj.weight"].T)
        x = x + a + m @ w[p + "mlp.down_proj.weight"].T
    return rms(x, w["model.norm.weight"], c["rms_norm_eps"]) @ w["model.embed_tokens.weight"].T


out = {}
for name, forward in {"lstm": lstm, "nnlm": nnlm, "palm": palm}.items():
    folder = f"{sys.argv[1]}/{name}"
    weights = {k: v.double() for k, v in load_file(f"{folder}/model.safetensors").items()}
    config, batch = json.load(open(f"{folder}/config.json")), json.load(open(f"{folder}/batch.json"))
    nll, n, first = 0.0, 0, []
    with torch.no_grad():
        for r in range(batch["B"]):
            row = slice(r * batch["T"], (r + 1) * batch["T"])
            ids, targets, docs = batch["IDs"][row], batch["Targets"][row], batch["Docs"][row]
            for start, end in inside(docs, ids):
                logits = forward(weights, config, ids[start:end])
                if r == 0:
                    first += [[round(v, 6) for v in p] for p in logits.tolist()]
                p = logits.log_softmax(-1)
                for i, target in enumerate(targets[start:end]):
                    if target >= 0:
                        nll, n = nll - p[i, target].item(), n + 1
    out[name] = {"Loss": nll / n, "Logits": first}
json.dump(out, sys.stdout)
