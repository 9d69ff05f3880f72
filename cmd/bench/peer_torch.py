"""Trains the model of bench's folder with PyTorch, as many steps at a time as it is asked to.

    python peer_torch.py FOLDER VARIANT THREADS

FOLDER holds work.json (model, optimizer), model.safetensors (the weights to start from, as
Hugging Face names them) and text.i32 (for each step batch x (context+1) ids). VARIANT is
eager, compile or autotune, perhaps followed by +f32sdpa: then attention stays float32 under
autocast.

It prints {"version": ..., "about": ...}; then, for each line [FIRST, COUNT] that it reads, it
takes those steps and prints {"losses": ..., "wall": ..., "cpu": ...}. If it cannot go on, it
prints {"missing": MODULE} or {"failed": WHY}.
"""
import json
import os
import sys
import time

told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is not for bench


def tell(**fields):
    told.write(json.dumps(fields) + "\n")
    told.flush()


def arrays(path, torch):
    """Reads a safetensors file of float32 arrays."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    n = int.from_bytes(data[:8], "little")
    for name, x in json.loads(data[8 : 8 + n]).items():
        if name != "__metadata__":
            start, end = (8 + n + o for o in x["data_offsets"])
            yield name, torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start).view(x["shape"]).clone()


def build(work, f32_attention, torch):
    nn, F = torch.nn, torch.nn.functional
    width, heads = work["width"], work["heads"]

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.c_attn = nn.Linear(width, 3 * width)
            self.c_proj = nn.Linear(width, width)

        def forward(self, x):
            b, t, c = x.shape
            q, k, v = [p.view(b, t, heads, c // heads).transpose(1, 2) for p in self.c_attn(x).split(c, dim=2)]
            if f32_attention:
                with torch.autocast("cpu", enabled=False):
                    y = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True)
            else:
                y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.c_proj(y.transpose(1, 2).reshape(b, t, c))

    class MLP(nn.Module):
        def __init__(self):
            super().__init__()
            self.c_fc = nn.Linear(width, 4 * width)
            self.c_proj = nn.Linear(4 * width, width)

        def forward(self, x):
            return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attn, self.mlp = Attention(), MLP()

        def forward(self, x):
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = nn.Embedding(work["vocab"], width)
            self.wpe = nn.Embedding(work["context"], width)
            self.h = nn.ModuleList(Block() for _ in range(work["layers"]))
            self.ln_f = nn.LayerNorm(width)

        def forward(self, ids):
            x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
            for block in self.h:
                x = block(x)
            return self.ln_f(x)

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.transformer = Transformer()

        def forward(self, ids, targets):
            logits = F.linear(self.transformer(ids), self.transformer.wte.weight)
            return F.cross_entropy(logits.view(-1, logits.shape[-1]).float(), targets.view(-1))

    dim = width // (heads or width)
    kv_heads = work["kv_heads"] or heads
    inside = work["hidden"] or (8 * width // 3 + 31) // 32 * 32

    class GroupedAttention(nn.Module):
        def __init__(self):
            super().__init__()
            self.q_proj = nn.Linear(width, width, bias=False)
            self.k_proj = nn.Linear(width, kv_heads * dim, bias=False)
            self.v_proj = nn.Linear(width, kv_heads * dim, bias=False)
            self.o_proj = nn.Linear(width, width, bias=False)

        def forward(self, x, cos, sin):
            b, t, _ = x.shape
            q, k, v = [p(x).view(b, t, -1, dim).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj)]

            def rotate(x):
                first, second = x.chunk(2, dim=-1)
                return x * cos + torch.cat((-second, first), dim=-1) * sin

            q, k = rotate(q), rotate(k)
            if f32_attention:
                with torch.autocast("cpu", enabled=False):
                    y = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True, enable_gqa=kv_heads < heads)
            else:
                y = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True, enable_gqa=kv_heads < heads)
            return self.o_proj(y.transpose(1, 2).reshape(b, t, width))

    class SwiGLU(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate_proj = nn.Linear(width, inside, bias=False)
            self.up_proj = nn.Linear(width, inside, bias=False)
            self.down_proj = nn.Linear(inside, width, bias=False)

        def forward(self, x):
            return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))

    class LlamaBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.input_layernorm, self.post_attention_layernorm = nn.RMSNorm(width, eps=1e-5), nn.RMSNorm(width, eps=1e-5)
            self.self_attn, self.mlp = GroupedAttention(), SwiGLU()

        def forward(self, x, cos, sin):
            x = x + self.self_attn(self.input_layernorm(x), cos, sin)
            return x + self.mlp(self.post_attention_layernorm(x))

    class LlamaStack(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed_tokens = nn.Embedding(work["vocab"], width)
            self.layers = nn.ModuleList(LlamaBlock() for _ in range(work["layers"]))
            self.norm = nn.RMSNorm(width, eps=1e-5)
            turns = torch.outer(torch.arange(work["context"]).float(), 10000.0 ** (-torch.arange(0, dim, 2).float() / dim))
            self.register_buffer("cos", torch.cat((turns, turns), dim=-1).cos())
            self.register_buffer("sin", torch.cat((turns, turns), dim=-1).sin())

        def forward(self, ids):
            x = self.embed_tokens(ids)
            for layer in self.layers:
                x = layer(x, self.cos[: ids.shape[1]], self.sin[: ids.shape[1]])
            return self.norm(x)

    class Llama(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = LlamaStack()

        def forward(self, ids, targets):
            logits = F.linear(self.model(ids), self.model.embed_tokens.weight)
            return F.cross_entropy(logits.view(-1, logits.shape[-1]).float(), targets.view(-1))

    class LSTM(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Embedding(work["vocab"], width)
            widths = [width] + [work["hidden"] or width] * (work["layers"] - 1) + [width]
            self.rnn = nn.ModuleList(nn.LSTM(a, b) for a, b in zip(widths, widths[1:]))
            for layer in self.rnn:  # ours has one bias
                nn.init.zeros_(layer.bias_hh_l0)
                layer.bias_hh_l0.requires_grad_(False)

        def forward(self, ids, targets):
            x = self.encoder(ids.t())
            for layer in self.rnn:
                x, _ = layer(x)
            logits = F.linear(x.transpose(0, 1), self.encoder.weight)
            return F.cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), targets.view(-1))

    return {"gpt": GPT, "llama": Llama, "lstm": LSTM}[work["arch"]]()


def fill(model, path, torch):
    """Copies the weights; those of Hugging Face's Conv1D lie the other way round."""
    left = {n.replace("bias_ih_l0", "bias").replace("_l0", ""): p for n, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for name, x in arrays(path, torch):
            p = left.pop(name)
            p.copy_(x.t() if name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")) else x)
    if left:
        raise ValueError("no weights for " + ", ".join(left))


def main():
    folder, variant, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with open(os.path.join(folder, "work.json")) as f:
        work = json.load(f)
    how, _, attention = variant.partition("+")
    model = build(work, attention == "f32sdpa", torch)
    fill(model, os.path.join(folder, "model.safetensors"), torch)
    with open(os.path.join(folder, "text.i32"), "rb") as f:
        text = torch.frombuffer(bytearray(f.read()), dtype=torch.int32).long()
    text = text.view(-1, work["batch"], work["context"] + 1)

    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.dim() > 1]
    vectors = [p for p in trained if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": work["decay"]}, {"params": vectors, "weight_decay": 0.0}]
    settings = {"lr": work["rate"], "betas": (work["beta1"], work["beta2"]), "eps": work["eps"]}
    optimizer_is = "fused"
    try:
        optimizer = torch.optim.AdamW(groups, fused=True, **settings)
    except (RuntimeError, TypeError):  # releases before 2.4
        optimizer, optimizer_is = torch.optim.AdamW(groups, **settings), "plain"

    forward, isa = model, ""
    if how != "eager":
        import torch._inductor.config as inductor

        if work["cpu"] == "avx2":
            inductor.cpp.simdlen = 256
        try:
            from torch._inductor.cpu_vec_isa import pick_vec_isa

            isa = ", compiled for " + str(pick_vec_isa())
        except ImportError:
            isa = ", compiled"
        forward = torch.compile(model, mode="max-autotune" if how == "autotune" else "default")
    bf16 = work["precision"] == "bf16"
    blas = "MKL" if torch.backends.mkl.is_available() else "no MKL"
    tell(version=torch.__version__, about="%s, %s AdamW, ATen %s%s" % (blas, optimizer_is, torch.backends.cpu.get_cpu_capability(), isa))

    for line in sys.stdin:
        first, count = json.loads(line)
        batches = [(t[:, :-1].contiguous(), t[:, 1:].contiguous()) for t in text[first : first + count]]
        losses = []
        wall, cpu = time.perf_counter(), time.process_time()
        for ids, targets in batches:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
                loss = forward(ids, targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        tell(losses=[x.item() for x in losses], wall=wall, cpu=cpu)


if __name__ == "__main__":
    try:
        main()
    except ImportError as e:
        tell(missing=e.name or str(e))
    except Exception as e:
        tell(failed="%s: %s" % (type(e).__name__, " ".join(str(e).split())[:400]))
