package tokenize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realText returns some 8 MB of English and Spanish books in documents.
func realText(b *testing.B) (docs []string, size int64) {
	b.Helper()
	for _, folder := range []string{"en", "es"} {
		names, _ := filepath.Glob("../../shared/data/books/" + folder + "/*.txt")
		total := 0
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			text := strings.ReplaceAll(strings.ToValidUTF8(string(data), "\uFFFD"), "\r\n", "\n")
			if total += len(text); total > 4<<20 {
				break
			}
			for _, d := range strings.SplitAfter(text, "\n\n\n") {
				docs = append(docs, d)
				size += int64(len(d))
			}
		}
	}
	if size == 0 {
		b.Skip("no real text in ../shared/data/books")
	}
	return docs, size
}

func rankFile(b *testing.B, name string) *Tokenizer {
	b.Helper()
	path := "../../shared/data/tokenizers/" + name + "_base.tiktoken"
	if _, err := os.Stat(path); err != nil {
		b.Skipf("no %s", path)
	}
	t, err := Load(path)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func BenchmarkPieces(b *testing.B) {
	docs, size := realText(b)
	for _, p := range patterns {
		b.Run(p.Name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				for _, d := range docs {
					text := asBytes(d)
					for i := 0; i < len(text); {
						i = p.next(text, i)
					}
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	docs, size := realText(b)
	for _, name := range []string{"r50k", "cl100k", "o200k"} {
		t := rankFile(b, name)
		var ids []int32
		pass := func(st *state) {
			for _, d := range docs {
				ids = t.fast.fast(ids[:0], st, asBytes(d))
			}
		}
		b.Run(name+"/cold", func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				pass(&state{cache: newWordCache()})
			}
		})
		b.Run(name+"/warm", func(b *testing.B) {
			st := &state{cache: newWordCache()}
			pass(st)
			b.SetBytes(size)
			for b.Loop() {
				pass(st)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	docs, size := realText(b)
	t := rankFile(b, "r50k")
	var ids []int32
	for _, d := range docs {
		ids = t.appendIDs(ids, d)
	}
	var text []byte
	b.SetBytes(size)
	for b.Loop() {
		text = t.AppendBytes(text[:0], ids...)
	}
}

func BenchmarkLearn(b *testing.B) {
	docs, size := realText(b)
	p, _, _ := PatternOf("gpt2")
	l := NewLearn()
	l.VocabSize = 30000
	b.Run("count", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			c := newWordCounter()
			for _, d := range docs {
				c.count(p, asBytes(d), false)
			}
		}
	})
	c := newWordCounter()
	for _, d := range docs {
		c.count(p, asBytes(d), false)
	}
	b.Run("words", func(b *testing.B) {
		for b.Loop() {
			c.words()
		}
	})
	w := c.words()
	b.Run("merge", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.train(b.Context(), w, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
