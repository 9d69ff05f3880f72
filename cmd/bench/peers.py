"""Runs one peer on the files that bench wrote, and prints one JSON object.

    python peers.py tokenizers train  TEXT VOCAB PATTERN OUT.json
    python peers.py tokenizers encode TOKENIZER.json DOCS OUT
    python peers.py tiktoken   encode RANKS.tiktoken DOCS OUT PATTERN
    python peers.py rustbpe    train  TEXT VOCAB PATTERN OUT
    python peers.py sentencepiece train TEXT VOCAB - OUT
    python peers.py youtokentome train TEXT VOCAB - OUT
    python peers.py bpeasy     train  TEXT VOCAB PATTERN OUT
    python peers.py gigatoken  train  TEXT VOCAB gpt2 OUT.json
    python peers.py gigatoken  encode TOKENIZER.json|RANKS.tiktoken DOCS OUT PATTERN

DOCS holds documents, each as a 32-bit length and its bytes; OUT gets the ids of
each, likewise. Rates are of CPU time of this process, loading left out.
"""
import base64
import json
import resource
import sys
import time
from array import array


def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def documents(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        n = int.from_bytes(data[at : at + 4], "little")
        yield data[at + 4 : at + 4 + n].decode("utf-8")
        at += 4 + n


def timed(work):
    began, wall = cpu(), time.time()
    result = work()
    return result, {
        "cpu": cpu() - began,
        "wall": time.time() - wall,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def write(path, lists):
    with open(path, "wb") as f:
        for ids in lists:
            array("I", [len(ids)]).tofile(f)
            array("I", ids).tofile(f)


def main():
    peer, what, source = sys.argv[1:4]
    if peer == "tokenizers":
        import tokenizers
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

        version = tokenizers.__version__
        if what == "train":
            size, pattern, out = int(sys.argv[4]), sys.argv[5], sys.argv[6]
            t = Tokenizer(models.BPE())
            level = lambda regex: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
            if pattern == "gpt2":
                t.pre_tokenizer = level(True)
            else:
                t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), level(False)])
            trainer = trainers.BpeTrainer(
                vocab_size=size, special_tokens=["<|endoftext|>"], show_progress=False,
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
            _, told = timed(lambda: t.train([source], trainer))
            t.save(out)
        else:
            t = Tokenizer.from_file(source)
            t.encode_special_tokens = True
            docs = list(documents(sys.argv[4]))
            lists, told = timed(lambda: [t.encode(d, add_special_tokens=False).ids for d in docs])
            write(sys.argv[5], lists)
    elif peer == "tiktoken":
        import tiktoken

        version = tiktoken.__version__
        with open(source, "rb") as f:
            ranks = {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in f if line.strip()}
        t = tiktoken.Encoding("bench", pat_str=sys.argv[6], mergeable_ranks=ranks, special_tokens={})
        docs = list(documents(sys.argv[4]))
        lists, told = timed(lambda: [t.encode_ordinary(d) for d in docs])
        write(sys.argv[5], lists)
    elif peer == "rustbpe":
        import rustbpe
        from importlib.metadata import version as installed

        version = installed("rustbpe")
        with open(source, encoding="utf-8", newline="") as f:
            lines = f.readlines()
        t = rustbpe.Tokenizer()
        _, told = timed(lambda: t.train_from_iterator(iter(lines), int(sys.argv[4]), pattern=sys.argv[5]))
    elif peer == "sentencepiece":
        import sentencepiece

        version = sentencepiece.__version__
        _, told = timed(lambda: sentencepiece.SentencePieceTrainer.train(
            input=source, model_prefix=sys.argv[6], vocab_size=int(sys.argv[4]), model_type="bpe",
            character_coverage=1.0, max_sentence_length=1 << 20, minloglevel=2))
    elif peer == "youtokentome":
        import youtokentome
        from importlib.metadata import version as installed

        version = installed("youtokentome")
        _, told = timed(lambda: youtokentome.BPE.train(
            data=source, model=sys.argv[6], vocab_size=int(sys.argv[4]), coverage=1.0, n_threads=1))
    elif peer == "bpeasy":
        import bpeasy
        from importlib.metadata import version as installed

        version = installed("bpeasy")
        with open(source, encoding="utf-8", newline="") as f:
            lines = f.readlines()
        _, told = timed(lambda: bpeasy.train_bpe(iter(lines), sys.argv[5], 1 << 20, int(sys.argv[4])))
    elif peer == "gigatoken":
        import gigatoken
        from importlib.metadata import version as installed

        version = installed("gigatoken")
        if what == "train":
            t, told = timed(lambda: gigatoken.train_bpe(gigatoken.TextFileSource([source]), int(sys.argv[4]), ["<|endoftext|>"]))
        else:
            if source.endswith(".tiktoken"):
                t = gigatoken.Tokenizer.from_tiktoken(source, pretokenizer=sys.argv[6])
            else:
                t = gigatoken.Tokenizer(source)
            docs = [d.encode() for d in documents(sys.argv[4])]
            t.encode_batch([b"x"], parallel=False)  # its tables are made at the first call
            lists, told = timed(lambda: t.encode_batch(docs, parallel=False))
            _, again = timed(lambda: t.encode_batch(docs, parallel=False))
            told["again"] = again["cpu"]
            write(sys.argv[5], lists.to_list())
    told["version"] = version
    print(json.dumps(told))


if __name__ == "__main__":
    try:
        main()
    except ImportError as e:
        print(json.dumps({"missing": e.name}))
