package blocks

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
	"fragua/pipeline/shard"
	"fragua/tokenize"
)

const sample = `The smith's forge glows. "Don't touch it," she said; 1234 sparks fell at 17:05.
El herrero golpeó el hierro — ¡cuánto ruido! — y la niña se rió.

	if x != nil { return fmt.Errorf("%d", x) }   
Der Schmied hämmert, 鍛冶屋が鉄を打つ。 Кузнец куёт железо. 🔨👩‍🏭
`

// learned returns a small tokenizer of our own text.
func learned(t testing.TB) *tokenize.Tokenizer {
	t.Helper()
	l := tokenize.NewLearn()
	l.VocabSize = 400
	p, _, err := tokenize.PatternOf(l.Pattern)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	pieces, err := p.Pieces(strings.Repeat(sample, 3))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range pieces {
		counts[piece]++
	}
	trained, err := l.Words(t.Context(), counts)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := trained.Tokenizer(0)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// packedWith packs documents and returns copies of the rows.
func packedWith(t *rapid.T, perRow int, packing Packing, docs [][]int32) (rows []block) {
	emit := func(b block) error {
		if len(b.ids) == 0 || len(b.ids) > perRow {
			t.Fatalf("a row of %d ids", len(b.ids))
		}
		rows = append(rows, block{slices.Clone(b.ids), slices.Clone(b.starts)})
		return nil
	}
	var p packer = &cutPacker{perRow: perRow, emit: emit}
	if packing == BestFit {
		p = &bestFitPacker{perRow: perRow, emit: emit}
	}
	for _, d := range docs {
		if err := p.add(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.flush(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// drawDocs gives documents whose ids are all different, so that each can be
// told from any other.
func drawDocs(t *rapid.T, perRow int) (docs [][]int32) {
	next := int32(0)
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, 4*perRow), 0, 20).Draw(t, "lengths") {
		d := make([]int32, n)
		for i := range d {
			d[i], next = next, next+1
		}
		docs = append(docs, d)
	}
	return docs
}

// unpack undoes cut: rows in order, overlapping by one, back to documents.
func unpack(rows []block) (docs [][]int32) {
	for i, r := range rows {
		ids, at := r.ids, int32(0)
		if i > 0 && !slices.Contains(r.starts, 0) {
			ids, at = ids[1:], 1
		}
		for k, id := range ids {
			if slices.Contains(r.starts, at+int32(k)) {
				docs = append(docs, nil)
			}
			docs[len(docs)-1] = append(docs[len(docs)-1], id)
		}
	}
	return docs
}

func TestCutGivesEveryDocumentBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perRow := rapid.IntRange(2, 9).Draw(t, "ids of a row")
		docs := drawDocs(t, perRow)
		rows := packedWith(t, perRow, Cut, docs)
		full := slices.DeleteFunc(slices.Clone(docs), func(d []int32) bool { return len(d) == 0 })
		if got := unpack(rows); fmt.Sprint(got) != fmt.Sprint(full) {
			t.Fatalf("got  %v\nwant %v\nrows %v", got, full, rows)
		}
		for i, r := range rows {
			if i < len(rows)-1 && len(r.ids) != perRow {
				t.Fatalf("row %d of %d has %d ids", i, len(rows), len(r.ids))
			}
			if i > 0 && !slices.Contains(r.starts, 0) && r.ids[0] != rows[i-1].ids[perRow-1] {
				t.Fatalf("rows %d and %d do not overlap", i-1, i)
			}
		}
	})
}

func TestBestFitNeverSplitsWhatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perRow := rapid.IntRange(2, 9).Draw(t, "ids of a row")
		docs := drawDocs(t, perRow)
		rows := packedWith(t, perRow, BestFit, docs)
		text := map[int32][]int32{} // first id of a piece → the piece
		pieces := 0
		for _, r := range rows {
			at := int32(0)
			for _, s := range append(slices.Clone(r.starts), int32(len(r.ids))) {
				if s > at {
					text[r.ids[at]] = r.ids[at:s]
					pieces++
				}
				at = s
			}
		}
		want := 0
		for _, d := range docs {
			for rest := d; len(rest) > 0; want++ {
				piece := text[rest[0]]
				if n := min(len(rest), perRow); !slices.Equal(piece, rest[:n]) {
					t.Fatalf("document %v: piece %v, want %v", d, piece, rest[:n])
				} else if n == len(rest) {
					rest = nil
				} else {
					rest = rest[n-1:]
				}
			}
		}
		if pieces != want {
			t.Fatalf("%d pieces, want %d", pieces, want)
		}
		for i, a := range rows { // no two rows that would fit into one
			for _, b := range rows[:i] {
				if len(a.ids)+len(b.ids) <= perRow {
					t.Fatalf("rows %v and %v fit together", a, b)
				}
			}
		}
	})
}

// corpusStage and tokenizerStage stand in for the stages before pack.
type corpusStage struct {
	Docs int `yaml:"docs"`
}

func (*corpusStage) Version() int             { return 1 }
func (*corpusStage) Inputs() []pipeline.Input { return nil }
func (*corpusStage) Makes() pipeline.Kind     { return pipeline.Documents }
func (s *corpusStage) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "write",
		Tasks: func(context.Context, *pipeline.Env) ([]pipeline.Task, error) {
			return []pipeline.Task{{ID: "0"}, {ID: "1"}, {ID: "2"}}, nil
		},
		Do: func(_ context.Context, env *pipeline.Env, t pipeline.Task) (c pipeline.Counts, err error) {
			for _, split := range []string{"train", "validation"} {
				s, err := shard.Write(filepath.Join(env.Out, split+"-"+t.ID+".parquet"), func(yield func(packDocument, error) bool) {
					for _, d := range corpusDocs(t.ID, split, s.Docs) {
						c.Read++
						c.Kept++
						if !yield(d, nil) {
							return
						}
					}
				})
				if err != nil {
					return c, err
				}
				c.Shards = append(c.Shards, s)
			}
			return c, nil
		}}}
}

func corpusDocs(task, split string, n int) (docs []packDocument) {
	if split == "validation" {
		n /= 5
	}
	r := rand.New(rand.NewPCG(uint64(task[0]), uint64(len(split))))
	words := strings.Fields(sample)
	for i := range n {
		id := fmt.Sprintf("%s-%s-%d", split, task, i)
		text := id
		for range r.IntN(90) {
			text += " " + words[r.IntN(len(words))]
		}
		if i == 3 {
			text = "" // an empty document is one end-of-text
		}
		docs = append(docs, packDocument{ID: id, Text: text, Split: split})
	}
	return docs
}

type tokenizerStage struct{ tok *tokenize.Tokenizer }

func (*tokenizerStage) Version() int             { return 1 }
func (*tokenizerStage) Inputs() []pipeline.Input { return nil }
func (*tokenizerStage) Makes() pipeline.Kind     { return pipeline.Tokenizer }
func (s *tokenizerStage) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "write",
		Tasks: func(context.Context, *pipeline.Env) ([]pipeline.Task, error) { return []pipeline.Task{{ID: "0"}}, nil },
		Do: func(_ context.Context, env *pipeline.Env, t pipeline.Task) (pipeline.Counts, error) {
			return pipeline.Counts{}, s.tok.Save(filepath.Join(env.Out, "tokenizer.json"))
		}}}
}

// runPack runs the stage in a run of its own and returns its directory.
func runPack(t *testing.T, tok *tokenize.Tokenizer, with string, workers int) pipeline.Dir {
	t.Helper()
	table := pipeline.Table{
		"corpus":    func() pipeline.Stage { return &corpusStage{Docs: 40} },
		"tokenizer": func() pipeline.Stage { return &tokenizerStage{tok} },
		"pack":      func() pipeline.Stage { return NewPack() },
	}
	config := `
seed: 5
stages:
  - {name: docs, use: corpus}
  - {name: bpe, use: tokenizer}
  - {name: blocks, use: pack, from: [docs, bpe], with: {` + with + `}}
`
	c, err := pipeline.Parse("test.yaml", []byte(config), t.TempDir(), table, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := pipeline.Run(t.Context(), c, pipeline.Options{Out: t.TempDir(), Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return res.Stages[len(res.Stages)-1].Dir
}

// rowsOf reads a whole split.
func rowsOf(t *testing.T, dir pipeline.Dir, split string) (rows []block) {
	t.Helper()
	s, err := OpenSplit(dir, split)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range s.Len() {
		ids, starts, n, err := s.Row(i, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, block{ids[:n], starts})
	}
	return rows
}

func TestPackStage(t *testing.T) {
	tok := learned(t)
	sumOf := func(d pipeline.Dir) (s string) {
		for _, f := range d.Manifest.Shards {
			s += f.Name + " " + f.XXH3 + "\n"
		}
		return s
	}
	for _, with := range []string{"context: 32", "context: 32, file_rows: 50", "context: 32, order: stream, file_rows: 50", "context: 64, packing: best_fit, file_rows: 30"} {
		t.Run(with, func(t *testing.T) {
			dir := runPack(t, tok, with, 1)
			if other := runPack(t, tok, with, 4); sumOf(other) != sumOf(dir) {
				t.Errorf("other bytes with 4 workers:\n%s\n%s", sumOf(dir), sumOf(other))
			}
			if strings.Contains(with, "file_rows") && len(dir.Files("train-*.arrow")) < 2 {
				t.Errorf("one file: %v", dir.Files("*"))
			}
			var docs, tokens, bytes, blocks int64
			for _, split := range []string{"train", "validation"} {
				rows := rowsOf(t, dir, split)
				blocks += int64(len(rows))
				want := map[string]int{}
				stream := ""
				for _, task := range []string{"0", "1", "2"} {
					for _, d := range corpusDocs(task, split, 40) {
						ids, err := tok.AppendIDs(nil, d.Text)
						if err != nil {
							t.Fatal(err)
						}
						ids = append(ids, tok.EndOfText())
						docs, tokens, bytes = docs+1, tokens+int64(len(ids)), bytes+int64(len(d.Text))
						want[fmt.Sprint(ids)]++
						stream += fmt.Sprint(ids)
					}
				}
				switch {
				case strings.Contains(with, "stream"), split != "train" && !strings.Contains(with, "best_fit"): // what is measured on keeps its order
					got := ""
					for _, d := range unpack(rows) {
						got += fmt.Sprint(d)
					}
					if got != stream {
						t.Errorf("%s: the rows do not give the documents back in order", split)
					}
				case strings.Contains(with, "best_fit"):
					for _, r := range rows {
						for i, s := range r.starts {
							end := int32(len(r.ids))
							if i+1 < len(r.starts) {
								end = r.starts[i+1]
							}
							want[fmt.Sprint(r.ids[s:end])]--
						}
					}
					for doc, n := range want {
						if n > 0 && strings.Count(doc, " ") < 64 {
							t.Errorf("%s: %d of a document that fits were split or lost: %s", split, n, doc)
						}
					}
				default:
					checkShuffled(t, split, rows, want)
				}
			}
			c := dir.Manifest.Counts
			if c.Read != docs || c.Kept != docs || c.Sums["tokens"] != tokens || c.Sums["bytes"] != bytes || c.Sums["blocks"] != blocks {
				t.Errorf("counts %+v, want %d documents, %d tokens, %d bytes, %d blocks", c, docs, tokens, bytes, blocks)
			}
			m, err := pipeline.ReadMetrics(dir.Path)
			if err != nil || len(m.Figures) != 12 {
				t.Errorf("metrics %+v, %v", m, err)
			}
			for _, f := range m.Figures {
				if f.Name == "padding" && (f.Value < 0 || f.Value > 0.1 && f.Note == "train") {
					t.Errorf("padding %v", f)
				}
			}
			if _, err := tokenize.Load(dir.File("tokenizer.json")); err != nil {
				t.Error(err)
			}
			for _, s := range dir.Manifest.Shards {
				if strings.HasSuffix(s.Name, ".arrow") && s.Rows == 0 {
					t.Errorf("no rows in the manifest: %+v", s)
				}
			}
			if err := dir.Verify(); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkShuffled looks for every document that lies whole in a row, counts those
// that begin in one, and makes sure that few rows stand where they were made.
func checkShuffled(t *testing.T, split string, rows []block, want map[string]int) {
	t.Helper()
	starts, whole := 0, 0
	for _, r := range rows {
		starts += len(r.starts)
		for i := range r.starts {
			if i+1 < len(r.starts) {
				whole++
				doc := fmt.Sprint(r.ids[r.starts[i]:r.starts[i+1]])
				if want[doc]--; want[doc] < 0 {
					t.Errorf("%s: document not in the corpus, or too often: %s", split, doc)
				}
			}
		}
	}
	n := 0
	for _, k := range want {
		n += k
	}
	if starts != n+whole {
		t.Errorf("%s: %d documents start, want %d", split, starts, n+whole)
	}
	sorted := 0
	for i := range rows[1:] {
		if rows[i].ids[len(rows[i].ids)-1] == rows[i+1].ids[0] {
			sorted++
		}
	}
	if sorted > len(rows)/3 {
		t.Errorf("%s: %d of %d rows follow the one they followed in the text", split, sorted, len(rows))
	}
}

// examplesStage leaves labelled texts, one without a label, and pairs where it is asked for them.
type examplesStage struct {
	Pairs bool `yaml:"pairs"`
}

func (*examplesStage) Version() int             { return 1 }
func (*examplesStage) Inputs() []pipeline.Input { return nil }
func (*examplesStage) Makes() pipeline.Kind     { return pipeline.Examples }
func (s *examplesStage) Phases() []pipeline.Phase {
	return []pipeline.Phase{{Name: "write", Tasks: pipeline.Single("write"), Do: func(_ context.Context, env *pipeline.Env, _ pipeline.Task) (c pipeline.Counts, err error) {
		for _, split := range []string{"train", "test", "unlabelled"} {
			d := packDocument{ID: split, Text: "text of " + split, Split: split}
			if s.Pairs {
				d.Target = "its translation"
			}
			c.Read++
			c.Kept++
			w, err := shard.Write(filepath.Join(env.Out, split+"-00000.parquet"), func(yield func(packDocument, error) bool) { yield(d, nil) })
			if err != nil {
				return c, err
			}
			c.Shards = append(c.Shards, w)
		}
		return c, nil
	}}}
}

// TestPackExamples: labelled texts are packed into their splits, those without a label into train; pairs are refused.
func TestPackExamples(t *testing.T) {
	tok := learned(t)
	pack := func(with string) (pipeline.Dir, error) {
		table := pipeline.Table{
			"label":     func() pipeline.Stage { return &examplesStage{} },
			"tokenizer": func() pipeline.Stage { return &tokenizerStage{tok} },
			"pack":      func() pipeline.Stage { return NewPack() },
		}
		config := "stages:\n  - {name: texts, use: label" + with + "}\n  - {name: bpe, use: tokenizer}\n" +
			"  - {name: blocks, use: pack, from: {examples: texts, tokenizer: bpe}, with: {context: 64, order: stream}}\n"
		c, err := pipeline.Parse("test.yaml", []byte(config), t.TempDir(), table, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := pipeline.Run(t.Context(), c, pipeline.Options{Out: t.TempDir()})
		if err != nil {
			return pipeline.Dir{}, err
		}
		return res.Stages[len(res.Stages)-1].Dir, nil
	}
	dir, err := pack("")
	if err != nil {
		t.Fatal(err)
	}
	for split, want := range map[string]string{"train": "text of traintext of unlabelled", "test": "text of test", "validation": ""} {
		got := ""
		for _, row := range rowsOf(t, dir, split) {
			got += tok.Decode(row.ids)
		}
		if got = strings.ReplaceAll(got, tokenize.EndOfText, ""); got != want {
			t.Errorf("%s: %q, want %q", split, got, want)
		}
	}
	if _, err := pack(", with: {pairs: true}"); err == nil || !strings.Contains(err.Error(), "is a pair or a conversation") {
		t.Errorf("pairs: error is %v", err)
	}
}

func TestPackRefuses(t *testing.T) {
	p := NewPack()
	p.Context, p.FileRows, p.Order, p.Packing = 0, -1, Stream, BestFit
	var paths []string
	for _, f := range p.Check() {
		paths = append(paths, f.Path)
	}
	if !slices.Equal(paths, []string{"context", "file_rows", "order"}) {
		t.Errorf("faults at %v", paths)
	}
	if f := NewPack().Check(); f != nil {
		t.Errorf("defaults: %v", f)
	}
	// A run that was damaged between the phases.
	path := filepath.Join(t.TempDir(), "x.run")
	for _, b := range []string{"\x01\x00\x00\x00\x04\x00\x00\x00", strings.Repeat("\xff", 100), "\x01\x00\x00\x00\x02\x00\x00\x00" + strings.Repeat("\x00", 8) + "\x02\x00\x00\x00xx"} {
		os.WriteFile(path, []byte(b), 0o644)
		if _, err := readRun(path, 2, 0, 1<<63, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

// These bytes may change only together with Pack.Version: what was packed before
// would be taken for what is packed now.
func TestPackGolden(t *testing.T) {
	for name, want := range map[Packing]string{Cut: "63 2890 46afa7c4882ac1e0", BestFit: "61 2882 878566710a7fd26f"} {
		p := NewPack()
		p.Context, p.Packing = 8, name
		env := &pipeline.Env{Out: t.TempDir(), Seed: 1337}
		o, err := p.open(env, pipeline.Task{ID: "00000"}, "train", 2)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			doc := make([]int32, 1+i*7%20)
			for j := range doc {
				doc[j] = int32(100*i + j)
			}
			if err := o.packer.add(doc); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.packer.flush(); err != nil {
			t.Fatal(err)
		}
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		rows, err := readRun(filepath.Join(env.Out, "train.run"), 2, 0, math.MaxUint64, nil)
		if err != nil {
			t.Fatal(err)
		}
		shard := writeFor(t, filepath.Join(env.Out, "train-00000.arrow"), 9, 2, blocksOf(rows))
		if got := fmt.Sprint(shard.Rows, " ", shard.Bytes, " ", shard.XXH3); p.Version() != 2 || got != want {
			t.Errorf("%s, version %d: %q, want %q", name, p.Version(), got, want)
		}
	}
}

func blocksOf(rows []keyed) (out []block) {
	for _, r := range rows {
		out = append(out, r.block)
	}
	return out
}

// A tokenizer that cannot end a document is refused, unless nobody asks it to.
func TestPackWithoutEndOfText(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "testdata", "peers", "wordlevel.json"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	env := &pipeline.Env{In: map[string][]pipeline.Dir{"tokenizer": {{Path: filepath.Dir(path)}}}}
	p := NewPack()
	if _, err := p.tokenizer(env); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no error: %v", err)
	}
	p.EndOfText = false
	if _, err := p.tokenizer(env); err != nil {
		t.Error(err)
	}
}
