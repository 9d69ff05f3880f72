"""Makes quants.json: blocks of random bytes, and what gguf-py makes of them.

    pip install gguf numpy && python3 quants.py
"""
import base64, json, os
import numpy as np
from gguf import GGMLQuantizationType as T, quants

rng = np.random.default_rng(1)
out = []
for name, size, halves in [("Q4_0", 18, [0]), ("Q4_1", 20, [0, 2]), ("Q8_0", 34, [0]), ("Q4_K", 144, [0, 2]), ("Q6_K", 210, [208]),
                           ("F16", 2, [0]), ("BF16", 2, [])]:
    n = 2 if size > 2 else 16
    b = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for at in halves:  # scales that are no NaN
        b[:, at:at + 2] = rng.normal(0, 0.1, n).astype(np.float16).view(np.uint8).reshape(n, 2)
    if name == "BF16":
        b[:, 1] = (b[:, 1] & 0x80) | 0x3E
    x = quants.dequantize(b, T[name]).astype(np.float32).reshape(-1)
    out.append({"type": name, "bytes": base64.b64encode(b.tobytes()).decode(), "want": base64.b64encode(x.tobytes()).decode()})
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "quants.json"), "w") as f:
    json.dump(out, f, indent=0)
    f.write("\n")
