package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fragua/tokenize"
)

//go:embed peers.py
var peersPy []byte

// bench is one comparison under way.
type bench struct {
	ctx    context.Context
	python string
	dir    string // scratch
	script string
	ports  string // folder of the module of Go's ports
	vocab  int
	repeat int
	docs   []string
	bytes  int
}

func tokenizer(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("tokenizer", flag.ExitOnError)
	python := flags.String("python", "python3", "interpreter that has the peers")
	vocab := flags.Int("vocab", 30000, "vocabulary to learn")
	ranks := flags.String("ranks", "", "folder of .tiktoken files (r50k, cl100k, o200k)")
	repeat := flags.Int("repeat", 5, "best of so many runs of ours")
	ports := flags.String("goports", "cmd/bench/goports", "folder of the module that runs Go's ports of tiktoken")
	only := flags.String("only", "train,encode", "what to compare")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench tokenizer [flags] FILE…   text files, which are read as UTF-8")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name the text files to work on: bench tokenizer FILE…")
	}
	dir, err := os.MkdirTemp("", "bench-tokenizer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, python: *python, dir: dir, vocab: *vocab, repeat: *repeat, script: filepath.Join(dir, "peers.py"), ports: *ports}
	if err := os.WriteFile(b.script, peersPy, 0o666); err != nil {
		return err
	}
	if err := b.read(flags.Args()); err != nil {
		return err
	}
	fmt.Printf("%d files, %.1f MB, %d documents; MB are 1e6 bytes and rates are per CPU second of one thread unless said\n", flags.NArg(), float64(b.bytes)/1e6, len(b.docs))
	if strings.Contains(*only, "train") {
		for _, pattern := range []string{"gpt2", "cl100k"} {
			if err := b.train(pattern); err != nil {
				return err
			}
		}
	}
	if strings.Contains(*only, "encode") {
		if *ranks == "" {
			return b.encode(filepath.Join(dir, "gpt2.json"))
		}
		files, _ := filepath.Glob(filepath.Join(*ranks, "*.tiktoken"))
		for _, f := range files {
			if err := b.encode(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// read takes the files' text: whole for learning, in documents of some 4 KiB
// that end at line ends for encoding.
func (b *bench) read(files []string) error {
	var all []byte
	var docs bytes.Buffer
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text := strings.ToValidUTF8(string(data), "\uFFFD")
		all = append(all, text...)
		for text != "" {
			end := min(4096, len(text))
			if k := strings.IndexByte(text[end:], '\n'); k >= 0 {
				end += k + 1
			} else {
				end = len(text)
			}
			b.docs = append(b.docs, text[:end])
			docs.Write(binary.LittleEndian.AppendUint32(nil, uint32(end)))
			docs.WriteString(text[:end])
			text = text[end:]
		}
	}
	b.bytes = len(all)
	return errors.Join(os.WriteFile(filepath.Join(b.dir, "text.txt"), all, 0o666), os.WriteFile(filepath.Join(b.dir, "docs.bin"), docs.Bytes(), 0o666))
}

// row prints one line: a rate, how ours compares, and what else is to be said.
func (b *bench) row(name string, cpu, ours float64, note string) {
	ratio := ""
	if ours > 0 {
		ratio = fmt.Sprintf("%6.1fx", cpu/ours)
	}
	fmt.Printf("  %-28s %8.3f s %9.1f MB/s %8s  %s\n", name, cpu, float64(b.bytes)/1e6/cpu, ratio, note)
}

// train learns a vocabulary from the text, line by line.
func (b *bench) train(pattern string) error {
	p, _, err := tokenize.PatternOf(pattern)
	if err != nil {
		return err
	}
	text := filepath.Join(b.dir, "text.txt")
	fmt.Printf("learn %d tokens, pattern %s\n", b.vocab, pattern)
	l := tokenize.NewLearn()
	l.VocabSize, l.Pattern, l.Unit, l.Special = b.vocab, pattern, tokenize.UnitLine, []string{tokenize.EndOfText}
	ours := math.Inf(1)
	var tr *tokenize.Trained
	for range b.repeat {
		tr = nil
		runtime.GC()
		began := cpuTime()
		if tr, err = l.Files(b.ctx, tokenize.Files{Paths: []string{text}, Workers: 1}); err != nil {
			return err
		}
		ours = min(ours, cpuTime()-began)
	}
	b.row("fragua", ours, 0, fmt.Sprintf("%d distinct words", tr.Words))
	mine, err := tr.Tokenizer(0)
	if err != nil {
		return err
	}
	if err := mine.Save(filepath.Join(b.dir, pattern+".json")); err != nil {
		return err
	}
	regex := p.Regex
	if pattern == "gpt2" {
		regex = "gpt2" // ByteLevel's own
	}
	out := filepath.Join(b.dir, "peer.json")
	t, ok, err := b.peer("tokenizers", "train", text, strconv.Itoa(b.vocab), regex, out)
	if err != nil {
		return err
	}
	if ok {
		differ, of, err := differentMerges(filepath.Join(b.dir, pattern+".json"), out)
		if err != nil {
			return err
		}
		b.row("tokenizers "+t.Version, t.CPU, ours, fmt.Sprintf("%d of %d merges differ; %d MB", differ, of, t.RSS>>20))
	}
	// None of these counts or settles ties as Hugging Face does, so their merges are others.
	for _, other := range []struct{ name, regex, note string }{
		{"rustbpe", p.Regex, "its ties are others"},
		{"bpeasy", p.Regex, "its ties are others"},
		{"gigatoken", "gpt2", "learns from the whole text, not from lines"},
		{"youtokentome", "-", "characters, not bytes"},
		{"sentencepiece", "-", "characters, not bytes"},
	} {
		if pattern != "gpt2" && other.regex != p.Regex {
			continue // it has one way to cut
		}
		t, ok, err := b.peer(other.name, "train", text, strconv.Itoa(b.vocab), other.regex, filepath.Join(b.dir, other.name))
		if err != nil {
			return err
		}
		if ok {
			b.row(other.name+" "+t.Version, t.CPU, ours, other.note)
		}
	}
	return nil
}

// differentMerges counts the places in which the merges of two files differ.
func differentMerges(a, b string) (differ, of int, err error) {
	var merges [2][][2]string
	for i, name := range []string{a, b} {
		var file struct {
			Model struct{ Merges [][2]string }
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return 0, 0, err
		}
		if err := json.Unmarshal(data, &file); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
		merges[i] = file.Model.Merges
	}
	short := min(len(merges[0]), len(merges[1]))
	of = max(len(merges[0]), len(merges[1]))
	differ = of - short
	for i := range short {
		if merges[0][i] != merges[1][i] {
			differ++
		}
	}
	return differ, of, nil
}

// encode encodes and decodes the documents with one vocabulary.
func (b *bench) encode(file string) error {
	fmt.Printf("encode with %s\n", filepath.Base(file))
	cold, warm, decode := math.Inf(1), math.Inf(1), math.Inf(1)
	var tok *tokenize.Tokenizer
	var ids []int32
	for range b.repeat {
		var err error
		if tok, err = tokenize.Load(file); err != nil {
			return err
		}
		runtime.GC()
		cold = min(cold, b.pass(tok))
	}
	for range b.repeat {
		warm = min(warm, b.pass(tok))
	}
	var lists [][]int32
	for _, d := range b.docs {
		list, err := tok.AppendIDs(nil, d)
		if err != nil {
			return err
		}
		lists, ids = append(lists, list), append(ids, list...)
	}
	var text []byte
	for range b.repeat {
		began := cpuTime()
		text = tok.AppendBytes(text[:0], ids...)
		decode = min(decode, cpuTime()-began)
	}
	if string(text) != strings.Join(b.docs, "") {
		return fmt.Errorf("%s: the text does not come back", file)
	}
	b.row("fragua, first pass", cold, 0, fmt.Sprintf("%d ids", len(ids)))
	b.row("fragua, later passes", warm, 0, "")
	b.row("fragua, decode", decode, 0, "")
	one, two := b.wall(tok, 1), b.wall(tok, 2)
	fmt.Printf("  %-28s %.2fx one thread, by the clock\n", "fragua, two threads", one/two)

	docs, out := filepath.Join(b.dir, "docs.bin"), filepath.Join(b.dir, "ids.bin")
	saved := filepath.Join(b.dir, "saved.json")
	if err := tok.Save(saved); err != nil {
		return err
	}
	type peer struct {
		name string
		run  func(string, ...string) (told, bool, error)
		args []string
	}
	peers := []peer{{"tokenizers", b.peer, []string{"encode", saved, docs, out}}}
	if strings.HasSuffix(file, ".tiktoken") {
		peers = append(peers, peer{"tiktoken", b.peer, []string{"encode", file, docs, out, tok.Pattern().Regex}},
			peer{"gigatoken", b.peer, []string{"encode", file, docs, out, tok.Pattern().Name}})
		for _, name := range goPorts {
			peers = append(peers, peer{name, b.port, []string{file, docs, out}})
		}
	} else {
		peers = append(peers, peer{"gigatoken", b.peer, []string{"encode", saved, docs, out, ""}})
	}
	for _, p := range peers {
		t, ok, err := p.run(p.name, p.args...)
		if err != nil {
			return err
		}
		if ok {
			differ, err := differentIDs(out, lists)
			if err != nil {
				return err
			}
			b.row(p.name+" "+t.Version, t.CPU, cold, fmt.Sprintf("%d of %d documents differ", differ, len(b.docs)))
			if t.Again > 0 {
				b.row(p.name+", later passes", t.Again, warm, "")
			}
		}
	}
	return nil
}

// pass encodes all documents once and returns its CPU seconds.
func (b *bench) pass(tok *tokenize.Tokenizer) float64 {
	var ids []int32
	began := cpuTime()
	for _, d := range b.docs {
		ids, _ = tok.AppendIDs(ids[:0], d) // an error stops the run where the ids are compared
	}
	return cpuTime() - began
}

// wall is how long this many goroutines need for all documents, the best of many:
// the caches of the second goroutine are still empty, and change hands.
func (b *bench) wall(tok *tokenize.Tokenizer, threads int) float64 {
	best := math.Inf(1)
	for range 4 * b.repeat {
		var wg sync.WaitGroup
		began := time.Now()
		for k := range threads {
			wg.Go(func() {
				var ids []int32
				for i := k; i < len(b.docs); i += threads {
					ids, _ = tok.AppendIDs(ids[:0], b.docs[i])
				}
			})
		}
		wg.Wait()
		best = min(best, time.Since(began).Seconds())
	}
	return best
}

// differentIDs counts the documents whose ids in a peer's file are others.
func differentIDs(file string, want [][]int32) (n int, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	next := func() (v uint32) {
		if len(data) >= 4 {
			v, data = binary.LittleEndian.Uint32(data), data[4:]
		}
		return v
	}
	for _, w := range want {
		got := make([]int32, 0, len(w))
		for k := next(); k > 0 && len(data) > 0; k-- {
			got = append(got, int32(next()))
		}
		if !slices.Equal(got, w) {
			n++
		}
	}
	return n, nil
}
