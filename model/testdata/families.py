"""Makes a tiny random checkpoint of each family here, one folder each, and what transformers
computes with it: logits of the language models (for encoders the last hidden states), and greedy
continuations.

    pip install torch transformers && python3 families.py [NAME…]

A config.json is transformers' own, so these folders are also what save_pretrained writes. Weights
are multiples of 1/64, which F16 and BF16 hold exactly: that is how they are saved, most of them.
"""
import copy, json, os, sys
import torch
import transformers as hf

HERE = os.path.dirname(os.path.abspath(__file__))
V = 40  # ids
IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 7, 1, 8, 2, 8, 1, 8, 28, 4]])
LLAMA = dict(vocab_size=V, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=32)
GPT = dict(vocab_size=V, n_embd=16, n_layer=2, n_head=2, n_positions=32)
BERT = dict(vocab_size=V, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=32, pad_token_id=0)
CAUSAL, MASKED, STATES, SEQ2SEQ = "causal", "masked", "states", "seq2seq"


def rope(**more):
    return dict(rope_parameters=dict(rope_theta=100.0, **more))


FAMILIES = {
    # GPT-2 and its flags.
    "gpt2-inverse-layer": (CAUSAL, lambda: hf.GPT2Config(**GPT, scale_attn_by_inverse_layer_idx=True)),
    "gpt2-unscaled": (CAUSAL, lambda: hf.GPT2Config(**GPT, scale_attn_weights=False, n_inner=20, activation_function="gelu")),
    "gpt2-untied": (CAUSAL, lambda: hf.GPT2Config(**GPT, tie_word_embeddings=False, activation_function="relu",
                                                  scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True)),
    # Llama and all types of rotary positions.
    "llama-theta": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA, **rope(rope_type="default"))),
    "llama-linear": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA, **rope(rope_type="linear", factor=2.5))),
    "llama-dynamic": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA, **rope(rope_type="dynamic", factor=2.0))),
    "llama-llama3": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA, tie_word_embeddings=True, **rope(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16))),
    "llama-yarn": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=8))),
    "llama-yarn-mscale": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA, **rope(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=8, mscale=0.7, mscale_all_dim=0.4, beta_fast=16.0, beta_slow=2.0))),
    "llama-bias": (CAUSAL, lambda: hf.LlamaConfig(**{**LLAMA, "head_dim": 8}, attention_bias=True, mlp_bias=True)),
    "llama-bfloat": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA)),
    "llama-sharded": (CAUSAL, lambda: hf.LlamaConfig(**LLAMA)),
    # Its kin.
    "mistral": (CAUSAL, lambda: hf.MistralConfig(**LLAMA, sliding_window=4)),
    "qwen2": (CAUSAL, lambda: hf.Qwen2Config(**LLAMA, use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3": (CAUSAL, lambda: hf.Qwen3Config(**LLAMA, head_dim=8, tie_word_embeddings=True)),
    "gemma3": (CAUSAL, lambda: hf.Gemma3TextConfig(**LLAMA, head_dim=8, query_pre_attn_scalar=10, sliding_window=4,
                                                    layer_types=["sliding_attention", "full_attention"])),
    # Encoders.
    "bert": (STATES, lambda: hf.BertConfig(**BERT)),
    "bert-mlm": (MASKED, lambda: hf.BertConfig(**BERT)),
    "roberta": (MASKED, lambda: hf.RobertaConfig(**{**BERT, "pad_token_id": 1}, type_vocab_size=1)),
    "distilbert": (MASKED, lambda: hf.DistilBertConfig(vocab_size=V, dim=16, hidden_dim=24, n_layers=2, n_heads=4,
                                                       max_position_embeddings=32)),
    "modernbert": (MASKED, lambda: hf.ModernBertConfig(vocab_size=V, hidden_size=16, intermediate_size=24, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=32, local_attention=4, pad_token_id=0, eos_token_id=1, bos_token_id=2,
        cls_token_id=2, sep_token_id=1)),
    # Encoder and decoder.
    "pegasus": (SEQ2SEQ, lambda: hf.PegasusConfig(vocab_size=V, d_model=16, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=4, encoder_ffn_dim=20, decoder_ffn_dim=24, max_position_embeddings=32, activation_function="relu")),
    "marian": (SEQ2SEQ, lambda: hf.MarianConfig(vocab_size=V, d_model=16, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=4, encoder_ffn_dim=20, decoder_ffn_dim=24, max_position_embeddings=32, activation_function="swish",
        scale_embedding=True, pad_token_id=39, decoder_start_token_id=39, eos_token_id=0, forced_eos_token_id=None)),
    "t5": (SEQ2SEQ, lambda: hf.T5Config(vocab_size=V, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_decoder_layers=2, num_heads=2,
        relative_attention_num_buckets=8, relative_attention_max_distance=12)),
    "t5-gated": (SEQ2SEQ, lambda: hf.T5Config(vocab_size=V, d_model=16, d_kv=8, d_ff=24, num_layers=2, num_decoder_layers=1, num_heads=2,
        relative_attention_num_buckets=8, relative_attention_max_distance=12, feed_forward_proj="gated-gelu", tie_word_embeddings=False)),
}
CLASSES = {CAUSAL: hf.AutoModelForCausalLM, MASKED: hf.AutoModelForMaskedLM, STATES: hf.AutoModel, SEQ2SEQ: hf.AutoModelForSeq2SeqLM}


def make(name):
    kind, config = FAMILIES[name]
    torch.manual_seed(sum(map(ord, name)))
    config = config()
    config._attn_implementation = "eager"
    m = CLASSES[kind].from_config(config).eval()
    with torch.no_grad():
        for key, p in m.state_dict().items():
            if p.is_floating_point() and "embed_positions" not in key:
                mean = 1.0 if p.dim() == 1 and key.endswith("weight") and "gemma" not in name else 0.0
                p.copy_(torch.round((mean + 0.25 * torch.randn(p.shape)) * 64) / 64)
        m.tie_weights()
    folder = os.path.join(HERE, "families", name)
    saved = copy.deepcopy(m)
    saved = {"llama-bfloat": saved.bfloat16, "llama-sharded": saved.float, "bert-mlm": saved.float}.get(name, saved.half)()
    saved.save_pretrained(folder, max_shard_size="8KB" if "sharded" in name else "1GB")
    IDS = globals()["IDS"]
    if name == "roberta":
        IDS = IDS.where(IDS != 1, 11)  # its positions do not count padding, which is 1
    out = {"kind": kind, "ids": IDS.tolist()}
    more = {}
    if kind in (MASKED, STATES):  # the second row ends in padding
        mask = torch.ones_like(IDS)
        mask[1, 7:] = 0
        more["attention_mask"] = mask
        out["lengths"] = [10, 7]
        if config.model_type == "bert":
            types = torch.zeros_like(IDS)
            types[:, 4:] = 1
            more["token_type_ids"] = types
            out["types"] = types.tolist()
    if kind == SEQ2SEQ:
        source = IDS.flip(1)
        mask = torch.ones_like(IDS)
        mask[1, 6:] = 0
        out["source"], out["lengths"] = source.tolist(), [10, 6]
        y = m(input_ids=source, attention_mask=mask, decoder_input_ids=IDS).logits
    elif kind == STATES:
        y = m(input_ids=IDS, **more).last_hidden_state
    else:
        y = m(input_ids=IDS, **more).logits
    out["want"] = [[[round(v, 5) for v in at] for at in row] for row in y.tolist()]
    if kind == CAUSAL:
        g = m.generate(IDS[:, :4], attention_mask=torch.ones(2, 4, dtype=torch.long), do_sample=False, num_beams=1,
                       min_new_tokens=16, max_new_tokens=16, eos_token_id=None, pad_token_id=0)
        out["greedy"] = g[:, 4:].tolist()
    with open(os.path.join(folder, "want.json"), "w") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")
    for file in os.listdir(folder):
        os.chmod(os.path.join(folder, file), 0o644)


for name in sys.argv[1:] or FAMILIES:
    make(name)
    print(name)
