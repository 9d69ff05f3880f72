"""Makes an adapter of each kind here, on a checkpoint of families/, and what PEFT computes with it:
logits, or for encoders the last hidden states.

    pip install torch transformers peft && python3 adapters.py

The folders are what PEFT's save_pretrained writes.
"""
import json, os
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
IDS = [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 7, 1, 8, 2, 8, 1, 8, 28, 4]]
KINDS = {
    "lora": ("llama-theta", AutoModelForCausalLM, dict(r=2, lora_alpha=4, target_modules=["q_proj", "v_proj"])),
    "rslora": ("gpt2-untied", AutoModelForCausalLM, dict(r=4, lora_alpha=3, target_modules=["c_attn", "c_proj"], use_rslora=True)),
    "dora": ("llama-theta", AutoModelForCausalLM, dict(r=2, lora_alpha=4, target_modules="all-linear", use_dora=True)),
    "patterns": ("qwen2", AutoModelForCausalLM, dict(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"],
                                                    rank_pattern={"down_proj": 3}, alpha_pattern={"layers.1.mlp.down_proj": 9})),
    "encoder": ("bert", AutoModel, dict(r=2, lora_alpha=2, target_modules=["query", "attention.output.dense"])),
}
for name, (base, cls, settings) in KINDS.items():
    torch.manual_seed(1)
    model = get_peft_model(cls.from_pretrained(f"{HERE}/families/{base}", dtype=torch.float32), LoraConfig(**settings)).eval()
    for key, p in model.named_parameters():
        if "lora_" in key:
            p.data = (torch.randn_like(p) / 4 + (p.data if "magnitude" in key else 0)).mul(64).round().div(64)
    with torch.no_grad():
        out = model(input_ids=torch.tensor(IDS))
    want = out.logits if cls is AutoModelForCausalLM else out.last_hidden_state
    folder = f"{HERE}/adapters/{name}"
    model.save_pretrained(folder)
    os.remove(folder + "/README.md")
    config = json.load(open(folder + "/adapter_config.json"))
    config["base_model_name_or_path"] = f"../../families/{base}"
    json.dump(config, open(folder + "/adapter_config.json", "w"), indent=2)
    json.dump(dict(ids=IDS, want=[[[round(x, 6) for x in at] for at in row] for row in want.tolist()]), open(folder + "/want.json", "w"))
