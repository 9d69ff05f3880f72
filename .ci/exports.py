"""Opens what fragua exports with the programs that it is for, and compares.

    pip install torch transformers peft gensim kenlm datasets pandas xllamacpp openai
    go build -o /tmp/fragua ./cmd/fragua && python3 .ci/exports.py /tmp/fragua

It makes small models of the sample in configs/sample, and needs no network. Each line of its
output is one comparison; the exit code is 1 if one of them failed. Peers that are not installed
are named at the end, and count as failed.
"""
import concurrent.futures, importlib.util, json, math, os, subprocess, sys, tempfile, time, urllib.request

fragua = os.path.abspath(sys.argv[1])
home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
work = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="exports")
os.makedirs(work, exist_ok=True)
os.chdir(work)
failed = []


def check(name, ok, note=""):
    print("ok    " if ok else "FAILED", name, note, flush=True)
    if not ok:
        failed.append(name)


def run(*args):
    r = subprocess.run([fragua, *args], capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit(f"fragua {' '.join(args)}: {r.stderr}")
    return r.stdout


def peer(name):
    if importlib.util.find_spec(name):
        return True
    check(name, False, "is not installed")
    return False


RECIPE = f"""
seed: 1
stages:
  - {{name: docs, use: ingest, with: {{sources: [{{books: {{path: "{home}/configs/sample/books/*.txt", passages: 200}}}}], steps: [language]}}}}
  - {{name: split, use: mix, from: [docs], with: {{validation: 0.1, test: 0, group_by: id}}}}
  - {{name: bpe, use: tokenizer, from: [split], with: {{vocab_size: 1200}}}}
  - {{name: blocks, use: pack, from: [split, bpe], with: {{context: 96}}}}
  - {{name: gpt, use: pretrain, from: [blocks], with: {{arch: {{gpt: {{layers: 2, width: 256, heads: 4}}}}, steps: 60, batch: 8}}}}
  - {{name: llama, use: pretrain, from: [blocks], with: {{arch: {{llama: {{layers: 2, width: 256, heads: 4, kv_heads: 2, hidden: 512}}}}, steps: 60, batch: 8}}}}
  - {{name: grams, use: ngram, from: [blocks], with: {{order: 4}}}}
  - {{name: pairs, use: label, with: {{data: [{{grammar: {{path: "{home}/configs/sample/grammar.yaml", pairs: 200}}}}], split: {{validation: 0.1, test: 0.1}}}}}}
  - {{name: lora, use: finetune, from: [gpt, pairs], with: {{goal: {{translation: {{too_long: drop}}}}, adapt: {{lora: {{targets: [all-linear]}}}}, epochs: 1, batch: 16}}}}
  - {{name: reviews, use: label, with: {{data: [{{table: {{path: "{home}/configs/sample/sentiment.csv"}}}}], text: text, label: label, split: {{validation: 0.1, test: 0.25}}}}}}
  - {{name: sentiment, use: finetune, from: [gpt, reviews], with: {{goal: {{sentiment: {{too_long: keep_ends}}}}, epochs: 1, batch: 16}}}}
"""
with open("small.yaml", "w") as f:
    f.write(RECIPE)
run("run", "small.yaml", "--out", "run")
text = " ".join(json.loads(line)["text"] for line in run("inspect", "run/split", "--where", 'split == "validation"', "--json", "--columns", "text").splitlines())[:4000]
prompts = ["The light of the", "The smith", "El herrero", "“No,” she said — 3.14 naïve café"]


class Server:
    """fragua serve on a free port."""

    def __init__(self, *args):
        self.p = subprocess.Popen([fragua, "serve", "--port", "0", *args], stdout=subprocess.PIPE, text=True)
        self.url = self.p.stdout.readline().split()[2].rstrip(",").removesuffix("/v1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.terminate()
        check("serve ends when it is asked to", self.p.wait(40) in (0, 130, -15))

    def ask(self, path, **body):
        r = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(r))


def greedy(server, model, prompt, n=24):
    c = server.ask("/v1/completions", model=model, prompt=prompt, max_tokens=n, temperature=0, logprobs=5)["choices"][0]
    return c["text"], c["logprobs"]["token_logprobs"]


def hugging_face(server):
    if not peer("transformers"):
        return
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    for name in "gpt", "llama":
        for kind, tolerance in ("float32", 1e-4), ("float16", 2e-2), ("bfloat16", 2e-1):
            to = f"{name}-{kind}"
            run("export", f"run/{name}", "--to", to, "--type", kind)
            tok = AutoTokenizer.from_pretrained(to)
            m = AutoModelForCausalLM.from_pretrained(to).eval()
            check(f"{to}: its weights are {kind}", str(m.dtype) == f"torch.{kind}", str(m.dtype))
            m = m.float()
            check(f"{to}: end and padding", tok.eos_token == "<|endoftext|>" and tok.pad_token is not None and tok.eos_token_id == m.config.eos_token_id, f"{tok.eos_token} {tok.pad_token} {m.config.eos_token_id}")
            ids = json.loads(json.dumps(server.ask("/tokenize", model=name, text=text)))["ids"]
            check(f"{to}: ids of {len(text)} characters", tok(text)["input_ids"] == ids and tok.decode(ids) == text)
            for prompt in prompts:
                want, logps = greedy(server, name, prompt)
                x = torch.tensor([tok(prompt)["input_ids"]])
                with torch.no_grad():
                    y = m.generate(x, attention_mask=torch.ones_like(x), max_new_tokens=24, do_sample=False, pad_token_id=tok.pad_token_id)
                    got = tok.decode(y[0, x.shape[1]:], skip_special_tokens=True)
                    p = m(y).logits[0, x.shape[1] - 1:-1].log_softmax(-1).gather(-1, y[0, x.shape[1]:, None])[:, 0].tolist()
                worst = max((abs(a - b) for a, b in zip(p, logps)), default=0)
                if kind == "float32":
                    check(f"{to}: {prompt!r} goes on alike", got == want, f"log-probabilities differ by {worst:.1e}")
                    check(f"{to}: its log-probabilities", worst < tolerance)
                elif got == want:
                    check(f"{to}: {prompt!r}: its log-probabilities", worst < tolerance, f"differ by {worst:.1e}")


def llama_cpp(server):
    if not peer("xllamacpp"):
        return
    import xllamacpp

    def open_gguf(path):
        p = xllamacpp.CommonParams()
        p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.cpuparams.n_threads, p.verbosity = path, 96, 1, False, 2, 0
        return xllamacpp.Server(p)

    for name in "gpt", "llama":
        for kind, tolerance in ("f32", 2e-3), ("f16", 2e-2), ("bf16", 2e-1), ("q8_0", 2e-1), ("q6_k", 3e-1), ("q4_k", 1.0):
            to = f"{name}-{kind}.gguf"
            run("export", f"run/{name}", "--to", to, "--type", kind)
            s = open_gguf(to)
            alike, off = 0, []
            for prompt in prompts:
                want, logps = greedy(server, name, prompt)
                r = s.handle_completions({"prompt": prompt, "temperature": 0, "top_k": 1, "max_tokens": 24, "logprobs": 1, "cache_prompt": False})
                c = r["choices"][0]
                alike += c["text"] == want
                # the log-probability of the first token that is drawn: the same text was read
                got = c["logprobs"]["content"][0]["logprob"] if "content" in c["logprobs"] else c["logprobs"]["token_logprobs"][0]
                off.append(abs(got - logps[0]))
            exact = kind in ("f32", "f16")
            check(f"{to}: greedy text", alike == len(prompts) or not exact, f"{alike} of {len(prompts)} alike")
            check(f"{to}: first log-probability", max(off) < tolerance, f"differs by {max(off):.1e}")


def peft():
    if not (peer("peft") and peer("transformers")):
        return
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
    run("export", "run/lora", "--to", "adapter", "--format", "peft")
    tok = AutoTokenizer.from_pretrained("adapter")
    m = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("adapter/base"), "adapter").eval()
    merged = AutoModelForCausalLM.from_pretrained("run/lora").eval()
    x = torch.tensor([tok("The smith buys the red hammer.")["input_ids"]])
    with torch.no_grad():
        worst = (m(x).logits - merged(x).logits).abs().max().item()
        base = (m.base_model.model(x).logits - AutoModelForCausalLM.from_pretrained("adapter/base")(x).logits).abs().max().item()
    check("adapter: PEFT's logits are those of the merged model", worst < 1e-3, f"differ by {worst:.1e}, from the base by {base:.2f}")
    check("adapter: it changes the base", base > 1e-2)


def words():
    if peer("gensim"):
        from gensim.models import KeyedVectors
        run("export", "run/gpt", "--to", "vectors.txt", "--format", "word2vec")
        v = KeyedVectors.load_word2vec_format("vectors.txt")
        import numpy, safetensors.numpy
        table = safetensors.numpy.load_file("run/gpt/model.safetensors")
        table = next(table[k] for k in table if k.endswith("wte.weight"))
        with open("run/gpt/tokenizer.json") as f:
            vocab = json.load(f)["model"]["vocab"]
        check("vectors.txt: gensim reads our vectors", len(v) > 1000 and all(numpy.array_equal(v[w], table[vocab[w]]) for w in v.index_to_key if w in vocab), f"{len(v)} × {v.vector_size}")
    if peer("kenlm"):
        import kenlm
        run("export", "run/grams", "--to", "grams.arpa")
        m = kenlm.Model("grams.arpa")
        with open("run/grams/tokenizer.json") as f:
            t = json.load(f)
        word = {i: w if w.split() == [w] else f"<id{i}>" for w, i in [*t["model"]["vocab"].items(), *((a["content"], a["id"]) for a in t["added_tokens"])]}
        nll = n = 0
        for ids, starts in rows_of_blocks("run/blocks"):
            for a, z in zip([0] + [s for s in starts if s], [s for s in starts if s] + [len(ids)]):
                part, ends = ids[a:z], ids[z - 1] == 0  # <|endoftext|> is </s>
                # What begins a part of a row is no target, and is seen after <s>, as by ours.
                for p, _, unknown in list(m.full_scores(" ".join(word[i] for i in part[:len(part) - ends]), bos=True, eos=ends))[1:]:
                    nll, n = nll - p * math.log(10), n + 1
        with open("run/grams/metrics.json") as f:
            ours = math.log(next(f["value"] for f in json.load(f)["figures"] if f["name"] == "perplexity"))
        check("grams.arpa: KenLM scores the validation blocks as we do", abs(nll / n - ours) < 1e-5, f"{nll / n:.5f} nats a token of {n}, ours {ours:.5f}")


def rows_of_blocks(stage):
    import pyarrow as pa
    for name in sorted(os.listdir(stage)):
        if name.startswith("validation") and name.endswith(".arrow"):
            t = pa.ipc.open_file(pa.memory_map(f"{stage}/{name}")).read_all()
            for ids, starts, length in zip(t["ids"].to_pylist(), t["starts"].to_pylist(), t["length"].to_pylist()):
                yield ids[:length], starts


def data_sets():
    if not peer("datasets"):
        return
    import csv
    import datasets
    datasets.config.HF_DATASETS_OFFLINE = True
    datasets.disable_progress_bars()
    rows = [json.loads(l) for l in run("inspect", "run/split", "--where", "true", "--json").splitlines()]
    run("export", "run/split", "--to", "dataset")
    d = datasets.load_dataset("./dataset", cache_dir="cache")
    check("dataset: its splits", set(d) == {"train", "validation"} and sum(len(s) for s in d.values()) == len(rows), str({k: len(s) for k, s in d.items()}))
    by_id = {r["id"]: r for r in rows}
    check("dataset: its values", all(all(r[k] == by_id[r["id"]].get(k) for k in r) for s in d.values() for r in s))
    run("export", "run/split", "--to", "docs.jsonl")
    d = datasets.load_dataset("json", data_files="docs.jsonl", cache_dir="cache")["train"]
    check("docs.jsonl", len(d) == len(rows) and all(r["text"] == by_id[r["id"]]["text"] for r in d))
    run("export", "run/split", "--to", "docs.csv")
    csv.field_size_limit(1 << 30)
    d = list(csv.DictReader(open("docs.csv", newline="", encoding="utf-8")))
    check("docs.csv", len(d) == len(rows) and all(r["text"] == by_id[r["id"]]["text"] for r in d))
    run("export", "run/split", "--to", "docs.arrow")
    d = datasets.load_dataset("arrow", data_files="docs.arrow", cache_dir="cache")["train"]
    check("docs.arrow", len(d) == len(rows) and all(all(r[k] == by_id[r["id"]].get(k) for k in r) for r in d))


def openai_client(server):
    if not peer("openai"):
        return
    import openai
    c = openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)
    check("openai: models", {m.id for m in c.models.list()} >= {"gpt", "llama", "chat", "sentiment"})
    r = c.completions.create(model="gpt", prompt="The smith", max_tokens=12, temperature=0)
    s = "".join(e.choices[0].text for e in c.completions.create(model="gpt", prompt="The smith", max_tokens=12, temperature=0, stream=True))
    check("openai: completions, whole and streamed", r.choices[0].text == s != "", repr(s))
    ask = dict(model="chat", messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "The smith"}], max_tokens=12, temperature=0)
    r = c.chat.completions.create(**ask)
    parts = list(c.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}))
    s = "".join(p.choices[0].delta.content or "" for p in parts if p.choices)
    check("openai: chat, whole and streamed", r.choices[0].message.content == s != "", repr(s))
    check("openai: usage at the end of a stream", parts[-1].usage.completion_tokens == r.usage.completion_tokens == 12)
    r = c.chat.completions.create(**ask | dict(max_tokens=60), response_format={"type": "json_object"}, logprobs=True, top_logprobs=3)
    ok = r.choices[0].finish_reason == "length"
    if not ok:
        ok = isinstance(json.loads(r.choices[0].message.content), dict)
    check("openai: response_format", ok, repr(r.choices[0].message.content))
    check("openai: logprobs", len(r.choices[0].logprobs.content) == r.usage.completion_tokens and len(r.choices[0].logprobs.content[0].top_logprobs) == 3)
    # without encoding_format the client asks for base64
    e = c.embeddings.create(model="gpt", input=["The smith.", "The forge."])
    f = c.embeddings.create(model="gpt", input=["The smith.", "The forge."], encoding_format="float")
    check("openai: embeddings, base64 and float", all(max(abs(a - b) for a, b in zip(x.embedding, y.embedding)) < 1e-6 for x, y in zip(e.data, f.data)) and len(e.data[1].embedding) == 256)
    for name, want, body in [("nosuch", openai.NotFoundError, {}), ("gpt", openai.BadRequestError, {"max_tokens": 5000}), ("gpt", openai.BadRequestError, {"n": 3})]:
        try:
            c.completions.create(model=name, prompt="The", **body)
            check(f"openai: {body} is refused", False)
        except want as err:
            check(f"openai: {name} {body} is refused", True, err.body["message"])


def load(server, clients=64, seconds=120):
    """Nothing is lost under load: every answer is whole, or 429 at once."""
    def memory():
        return int(next(l for l in open(f"/proc/{server.p.pid}/status") if l.startswith("VmRSS")).split()[1]) // 1024

    want, _ = greedy(server, "gpt", "The smith", 16)
    end = time.time() + seconds
    done, refused, firsts, sizes, slow = 0, 0, [], [], []

    def client(i):
        nonlocal done, refused
        while time.time() < end:
            t = time.time()
            body = dict(model="gpt", prompt="The smith", max_tokens=16, temperature=0, stream=True)
            try:
                r = urllib.request.urlopen(urllib.request.Request(server.url + "/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}))
            except urllib.error.HTTPError as err:
                assert err.code == 429, err
                slow.append(time.time() - t)
                refused += 1
                time.sleep(0.1)
                continue
            got = ""
            for line in r:
                if line.startswith(b"data: {"):
                    if not got:
                        firsts.append(time.time() - t)
                    got += json.loads(line[6:])["choices"][0]["text"]
            assert got == want, (got, want)
            done += 1

    with concurrent.futures.ThreadPoolExecutor(clients + 1) as pool:
        jobs = [pool.submit(client, i) for i in range(clients)]
        while time.time() < end:
            sizes.append(memory())
            time.sleep(max(.5, seconds / 20))
        errors = [j.exception() for j in jobs if j.exception()]
    firsts.sort()
    half = len(sizes) // 2
    check(f"load: {clients} clients for {seconds} s lose nothing", not errors and done > 0, f"{done} answered, {refused} refused{' in at most %.2f s' % max(slow) if slow else ''}; {errors[:1]}")
    check("load: memory stays flat", max(sizes[half:]) < 1.15 * max(sizes[:half]) + 16, f"{sizes[0]} to {max(sizes)} MB, {sizes[-1]} at the end")
    print(f"      first token: median {firsts[len(firsts) // 2]:.2f} s, 95 % {firsts[int(len(firsts) * .95)]:.2f} s")


run("export", "run/gpt", "--to", "chat")
with open("chat/chat_template.jinja", "w") as f:
    f.write("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}")
with Server("run/gpt", "run/llama", "chat", "run/sentiment", "run/lora", "--slots", "16", "--queue", "32") as server:
    hugging_face(server)
    llama_cpp(server)
    openai_client(server)
    r = server.ask("/classify", model="sentiment", input=["A warm and funny book.", "Dull."])["data"]
    check("classify", len(r) == 2 and all(abs(sum(x["probabilities"].values()) - 1) < 1e-4 for x in r), str(r[0]))
    r = server.ask("/translate", model="lora", input="The smith buys the red hammer.")["data"]
    check("translate", len(r) == 1 and isinstance(r[0]["translation"], str), str(r))
    load(server, seconds=int(os.environ.get("SECONDS_OF_LOAD", "120")))
peft()
words()
data_sets()
print(f"{len(failed)} failed" + "".join("\n  " + f for f in failed))
sys.exit(bool(failed))
