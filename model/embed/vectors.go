package embed

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"fragua/pipeline/fault"
	"fragua/pipeline/shard"
)

// Vectors are words with a vector each, the most frequent first.
type Vectors struct {
	Words  []string
	Counts []int64
	Width  int
	Rows   []float32 // len(Words) × Width

	index map[string]int
	total int64
}

// File is what the stage leaves the vectors in.
const File = "vectors.parquet"

// vectorRow is a row of the file.
type vectorRow struct {
	Word   string    `parquet:"word"`
	Count  int64     `parquet:"count"`
	Vector []float32 `parquet:"vector,list"`
}

// Is reports whether a folder holds word vectors.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, File))
	return err == nil
}

// Open reads the vectors of a folder.
func Open(dir string) (*Vectors, error) {
	name := filepath.Join(dir, File)
	v := &Vectors{}
	for row, err := range shard.Read[vectorRow](name) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Hintf(fmt.Errorf("%s holds no word vectors: there is no %s", dir, File), "give the folder of a stage `use: embeddings`")
		}
		if err != nil {
			return nil, err
		}
		if len(v.Words) == 0 {
			v.Width = len(row.Vector)
		}
		if len(row.Vector) != v.Width || v.Width == 0 {
			return nil, &fault.RowError{File: name, Row: int64(len(v.Words)), Err: fmt.Errorf("the vector has %d numbers, the first one %d", len(row.Vector), v.Width)}
		}
		v.Words, v.Counts, v.Rows = append(v.Words, row.Word), append(v.Counts, row.Count), append(v.Rows, row.Vector...)
	}
	v.prepare()
	return v, nil
}

// prepare fills what is looked up.
func (v *Vectors) prepare() {
	v.index = make(map[string]int, len(v.Words))
	for i, w := range v.Words {
		v.index[w] = i
		v.total += v.Counts[i]
	}
}

func (v *Vectors) rows() iter.Seq2[vectorRow, error] {
	return func(yield func(vectorRow, error) bool) {
		for i, w := range v.Words {
			if !yield(vectorRow{w, v.Counts[i], v.row(i)}, nil) {
				return
			}
		}
	}
}

func (v *Vectors) row(i int) []float32 { return v.Rows[i*v.Width:][:v.Width] }

// Text returns the vector of a word, a phrase or a text, and which of its words have none. Of
// several words it is the mean, in which a word that makes the share p of the corpus weighs
// a/(a+p), a = 0.001: so that what is in every sentence says little (Arora, Liang and Ma 2017,
// eq. 3). A text without a known word is an error.
func (v *Vectors) Text(text string) (vector []float32, unknown []string, err error) {
	const a = 1e-3
	vector = make([]float32, v.Width)
	known := 0
	for w := range Words(text) {
		i, ok := v.index[w]
		if !ok {
			unknown = append(unknown, w)
			continue
		}
		known++
		weight := float32(a / (a + float64(v.Counts[i])/float64(v.total)))
		for j, x := range v.row(i) {
			vector[j] += float32(weight * x)
		}
	}
	if known == 0 {
		return nil, unknown, fault.Hintf(fmt.Errorf("%q: none of its words has a vector", text),
			"words that are rarer than min_count in the corpus have none")
	}
	return vector, unknown, nil
}
