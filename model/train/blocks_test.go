package train

import (
	"context"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/shard"
)

// row is a packed row, as a blocks file holds it.
type row struct {
	ids, starts []int32
	length      int
}

type packed struct {
	context int
	rows    []row
}

func (p packed) Len() int     { return len(p.rows) }
func (p packed) Context() int { return p.context }
func (p packed) Row(i int, dst []int32) (ids, starts []int32, length int, err error) {
	return append(dst, p.rows[i].ids...), p.rows[i].starts, p.rows[i].length, nil
}

// numbered makes rows whose first id is their number.
func numbered(n, context int) packed {
	p := packed{context: context}
	for i := range n {
		r := row{starts: []int32{0}, length: context + 1}
		for t := range context + 1 {
			r.ids = append(r.ids, int32((i+t)%16))
		}
		r.ids[0] = int32(i)
		p.rows = append(p.rows, r)
	}
	return p
}

func TestFillRow(t *testing.T) {
	for _, c := range []struct {
		name               string
		row                row
		ids, targets, docs []int32
	}{
		{"one document", row{[]int32{5, 6, 7, 8, 9}, []int32{0}, 5},
			[]int32{5, 6, 7, 8}, []int32{6, 7, 8, 9}, []int32{0, 0, 0, 0}},
		{"the middle of a document", row{[]int32{5, 6, 7, 8, 9}, nil, 5},
			[]int32{5, 6, 7, 8}, []int32{6, 7, 8, 9}, []int32{0, 0, 0, 0}},
		{"a boundary: 7 is no target", row{[]int32{5, 1, 7, 8, 9}, []int32{0, 2}, 5},
			[]int32{5, 1, 7, 8}, []int32{1, -1, 8, 9}, []int32{0, 0, 1, 1}},
		{"from the middle, then a boundary", row{[]int32{5, 1, 7, 8, 9}, []int32{2}, 5},
			[]int32{5, 1, 7, 8}, []int32{1, -1, 8, 9}, []int32{0, 0, 1, 1}},
		{"a document starts at the last id", row{[]int32{5, 6, 7, 1, 9}, []int32{0, 4}, 5},
			[]int32{5, 6, 7, 1}, []int32{6, 7, 1, -1}, []int32{0, 0, 0, 0}},
		{"documents of one id", row{[]int32{1, 1, 1, 8, 9}, []int32{0, 1, 2, 3}, 5},
			[]int32{1, 1, 1, 8}, []int32{-1, -1, -1, 9}, []int32{0, 1, 2, 3}},
		{"padding", row{[]int32{5, 6, 7, 0, 0}, []int32{0}, 3},
			[]int32{5, 6, 7, 0}, []int32{6, 7, -1, -1}, []int32{0, 0, 0, -1}},
		{"all padding", row{[]int32{0, 0, 0, 0, 0}, nil, 0},
			[]int32{0, 0, 0, 0}, []int32{-1, -1, -1, -1}, []int32{-1, -1, -1, -1}},
	} {
		var b model.Batch
		resize(&b, 1, 4)
		fillRow(&b, 0, c.row.ids, c.row.starts, c.row.length)
		if !slices.Equal(b.IDs, c.ids) || !slices.Equal(b.Targets, c.targets) || !slices.Equal(b.Docs, c.docs) {
			t.Errorf("%s:\n ids %v, want %v\n targets %v, want %v\n docs %v, want %v", c.name, b.IDs, c.ids, b.Targets, c.targets, b.Docs, c.docs)
		}
	}
}

// TestShuffled: each epoch has every row once, in its own order, and a batch is
// a function of its number alone.
func TestShuffled(t *testing.T) {
	const rows, size = 10, 4
	s := &Shuffled{Rows: numbered(rows, 6), Size: size, Seed: 5}
	var firsts []int32
	var batches []model.Batch
	for n := range int64(10) {
		var b model.Batch
		if err := s.Batch(n, &b); err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
		for r := range size {
			firsts = append(firsts, b.IDs[r*6])
		}
	}
	var epochs [][]int32
	for epoch := range slices.Chunk(firsts, rows) {
		sorted := slices.Sorted(slices.Values(epoch))
		for i, f := range sorted {
			if f != int32(i) {
				t.Fatalf("an epoch has the rows %v", epoch)
			}
		}
		epochs = append(epochs, epoch)
	}
	if slices.Equal(epochs[0], epochs[1]) {
		t.Errorf("two epochs have one order: %v", epochs[0])
	}
	for _, n := range []int64{7, 2, 2, 9, 0} { // any order of asking
		var b model.Batch
		if err := s.Batch(n, &b); err != nil || !reflect.DeepEqual(b, batches[n]) {
			t.Errorf("batch %d differs when asked for again", n)
		}
	}
}

// TestStream: lane r goes on in batch n+1 where it ended in batch n.
func TestStream(t *testing.T) {
	s := &Stream{Rows: numbered(11, 6), Size: 3} // three lanes of three rows; two are left out
	for n := range int64(7) {
		var b model.Batch
		if err := s.Batch(n, &b); err != nil {
			t.Fatal(err)
		}
		if b.Resume != (n%3 != 0) {
			t.Errorf("batch %d resumes: %v", n, b.Resume)
		}
		for r := range 3 {
			if want := int32(int64(r)*3 + n%3); b.IDs[r*6] != want {
				t.Errorf("batch %d, lane %d: row %d, want %d", n, r, b.IDs[r*6], want)
			}
		}
	}
	if err := (&Stream{Rows: numbered(2, 6), Size: 3}).Batch(0, new(model.Batch)); !errors.Is(err, errNoRows) {
		t.Errorf("error is %v", err)
	}
}

// uniform gives each of V ids the same probability.
type uniform struct{ vocab int }

func (u uniform) Score(b *model.Batch) ([]float64, error) {
	scores := make([]float64, b.B)
	for i, t := range b.Targets {
		if t >= 0 {
			scores[i/b.T] -= math.Log(float64(u.vocab))
		}
	}
	return scores, nil
}

// sized is an alphabet whose id n stands for n bytes; id 0 is special.
type sized struct{ vocab int }

func (s sized) VocabSize() int       { return s.vocab }
func (s sized) ByteLen(id int32) int { return int(id) }

// TestBitsPerByte: a uniform model's bits per byte are log2 V over the mean
// bytes of a token.
func TestBitsPerByte(t *testing.T) {
	p := packed{context: 4, rows: []row{
		{[]int32{3, 4, 0, 7, 2}, []int32{0, 3}, 5}, // targets 4 and 0 | 2
		{[]int32{2, 5, 5, 0, 0}, []int32{}, 3},     // targets 5, 5
	}}
	e, err := BitsPerByte(context.Background(), uniform{16}, p, sized{16}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e.Targets != 5 || e.Bytes != 4+0+2+5+5 || e.Rows != 2 {
		t.Errorf("%d targets, %d bytes, %d rows; want 5, 16, 2", e.Targets, e.Bytes, e.Rows)
	}
	if want := 5 * 4. / 16; math.Abs(e.BitsPerByte()-want) > 1e-12 {
		t.Errorf("bits per byte %.6f, want %.6f", e.BitsPerByte(), want)
	}
	if math.Abs(e.Perplexity()-16) > 1e-9 {
		t.Errorf("perplexity %.6f, want 16", e.Perplexity())
	}
	// Rows have 12 bits on 6 bytes and 8 on 10; ratio 1.25; residuals 4.5 and -4.5;
	// 1.96·√(40.5/2)/8.
	if want := 1.96 * math.Sqrt(40.5/2) / 8; math.Abs(e.PlusMinus()-want) > 1e-12 {
		t.Errorf("± %.6f, want %.6f", e.PlusMinus(), want)
	}
}

func TestBitsPerByteOfSome(t *testing.T) {
	p := numbered(100, 6)
	all, err := BitsPerByte(context.Background(), uniform{16}, p, sized{16}, 1000)
	if err != nil || all.Rows != 100 {
		t.Errorf("%d rows, error %v", all.Rows, err)
	}
	some, err := BitsPerByte(context.Background(), uniform{16}, p, sized{16}, 13)
	if err != nil || some.Rows != 13 || some.Targets != 13*6 {
		t.Errorf("%d rows, %d targets, error %v", some.Rows, some.Targets, err)
	}
	if _, err := BitsPerByte(context.Background(), uniform{16}, packed{context: 4}, sized{16}, 0); !errors.Is(err, errNoRows) {
		t.Errorf("error is %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := BitsPerByte(ctx, uniform{16}, p, sized{16}, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if _, err := BitsPerByte(context.Background(), uniform{-1}, p, sized{16}, 0); err == nil {
		t.Error("a score that is not a number was accepted")
	}
}

// Blocks that cannot be opened are an error with a name, whatever part is missing
// or damaged.
func TestOpenDataRefuses(t *testing.T) {
	dir := pipeline.Dir{Path: t.TempDir(), Manifest: &pipeline.Manifest{Shards: []shard.File{{Name: "train-00000.arrow"}}}}
	if _, err := openData(dir); err == nil || !strings.Contains(err.Error(), dir.Path) {
		t.Errorf("no tokenizer: %v", err)
	}
	tokenizer := `{"added_tokens":[{"id":1,"content":"<|endoftext|>","special":true}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}`
	for name, data := range map[string]string{tokenizerFile: tokenizer, "train-00000.arrow": "ARROW1 and no more"} {
		if err := os.WriteFile(dir.File(name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openData(dir); err == nil || !strings.Contains(err.Error(), "train-00000.arrow") {
		t.Errorf("damaged blocks: %v", err)
	}
}
