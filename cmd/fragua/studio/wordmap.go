package studio

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"fragua/pipeline/fault"
)

const (
	mapWords      = 300 // of the vocabulary's first, the most frequent
	mapIterations = 60
)

// A mapWord is a word at its place among the others; both coordinates lie in -1 to 1.
type mapWord struct {
	Text string  `json:"text"`
	X    float64 `json:"x"`
	Y    float64 `json:"y"`
}

// wordMap lays the embeddings of frequent words on a plane: the two directions in
// which they differ most (principal components).
func (s *Studio) wordMap(w http.ResponseWriter, r *http.Request) error {
	m, _, done, err := s.asked(r)
	if err != nil {
		return err
	}
	defer done()
	if m.lm == nil {
		return &fault.UsageError{Err: errors.New("a map is of a language model")}
	}
	width := m.lm.Width()
	table := m.lm.Params()[0].Data // the embedding of ids comes first in every architecture
	words := []mapWord{}
	var rows [][]float64
	for id := range int32(min(m.tok.VocabSize(), m.lm.Vocab())) {
		text := m.tok.Decode([]int32{id})
		if !isWord(text) {
			continue
		}
		row := make([]float64, width)
		for i, v := range table[int(id)*width:][:width] {
			row[i] = float64(v)
		}
		words, rows = append(words, mapWord{Text: strings.TrimSpace(text)}), append(rows, row)
		if len(words) == mapWords {
			break
		}
	}
	xy := principal(rows)
	for i := range words {
		words[i].X, words[i].Y = xy[i][0], xy[i][1]
	}
	return writeJSON(w, words)
}

// isWord says whether a token is a word of its own: a space and three letters or more.
func isWord(token string) bool {
	word, ok := strings.CutPrefix(token, " ")
	return ok && utf8.RuneCountInString(word) >= 3 && strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// principal projects rows on their first two principal components, found by power
// iteration, and scales each axis to -1 to 1. It changes the rows.
func principal(rows [][]float64) (xy [][2]float64) {
	xy = make([][2]float64, len(rows))
	if len(rows) == 0 {
		return xy
	}
	mean := make([]float64, len(rows[0]))
	for _, row := range rows {
		for i, v := range row {
			mean[i] += v / float64(len(rows))
		}
	}
	for _, row := range rows {
		for i := range row {
			row[i] -= mean[i]
		}
	}
	for axis := range 2 {
		v := make([]float64, len(mean))
		for i := range v {
			v[i] = math.Cos(float64(i * (axis + 1))) // any start that is not orthogonal to it
		}
		for range mapIterations {
			next := make([]float64, len(v))
			for _, row := range rows {
				along := dot(row, v)
				for i, x := range row {
					next[i] += along * x
				}
			}
			length := math.Sqrt(dot(next, next))
			if length == 0 { // all rows are alike
				break
			}
			for i := range v {
				v[i] = next[i] / length
			}
		}
		most := 0.0
		for i, row := range rows {
			along := dot(row, v)
			xy[i][axis] = along
			most = max(most, math.Abs(along))
			for j := range row { // the next axis is orthogonal to this one
				row[j] -= along * v[j]
			}
		}
		for i := range xy {
			if most > 0 {
				xy[i][axis] /= most
			}
		}
	}
	return xy
}

func dot(a, b []float64) (sum float64) {
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}
