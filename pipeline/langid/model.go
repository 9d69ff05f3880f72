package langid

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// Dims is how many values a row has.
const Dims = 16

//go:embed model.bin
var modelBytes []byte

// A Model scores languages.
type Model struct {
	rows    []uint64            // a bucket's values, 0 to 15: dimension d is in bits 4d
	weights [][1 + Dims]float32 // of each language: its bias, then its dimensions
	among   [Scripts][]int      // languages of each script
}

// Load reads a model.
func Load(b []byte) (*Model, error) {
	m := &Model{rows: make([]uint64, Buckets), weights: make([][1 + Dims]float32, len(Languages))}
	if want := Buckets*8 + len(Languages)*(1+Dims)*4; len(b) != want {
		return nil, fmt.Errorf("a language model has %d bytes, not %d", want, len(b))
	}
	for i := range m.rows {
		m.rows[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	b = b[Buckets*8:]
	for k := range m.weights {
		for d := range m.weights[k] {
			m.weights[k][d] = math.Float32frombits(binary.LittleEndian.Uint32(b))
			b = b[4:]
		}
	}
	for k, l := range Languages {
		for _, s := range l.Scripts {
			m.among[s] = append(m.among[s], k)
		}
	}
	return m, nil
}

// Default returns the model that is built in.
var Default = sync.OnceValue(func() *Model {
	m, err := Load(modelBytes)
	if err != nil {
		panic(err) // the bytes are ours
	}
	return m
})

// sums adds up the rows of the features by dimension. Sixteen values of 4 bits
// fit into a byte's lane, so lanes are emptied after each sixteen rows.
func (m *Model) sums(features []uint32) (sum [Dims]int32) {
	const low = 0x0f0f0f0f0f0f0f0f
	for len(features) > 0 {
		some := features[:min(16, len(features))]
		features = features[len(some):]
		var even, odd uint64
		for _, f := range some {
			row := m.rows[f]
			even += row & low
			odd += row >> 4 & low
		}
		for d := 0; d < Dims; d += 2 {
			sum[d] += int32(even >> (4 * d) & 0xff)
			sum[d+1] += int32(odd >> (4 * d) & 0xff)
		}
	}
	return sum
}

// Detect returns the index in Languages of a text's language, and how probable it
// is, 0 to 1; -1 and 0 if the text has no letter of a known script, or is most
// probably in none of the languages. allow, if not nil, says which languages may
// be answered.
func (m *Model) Detect(text string, allow []bool) (language int, p float64) {
	var buf [1024]uint32
	var counts [Scripts]int
	features := Features(buf[:0], &counts, text)
	among := m.among[MainScript(counts, allow)]
	sum := m.sums(features)
	scale := float32(1 / math.Sqrt(float64(len(features))))
	var v [Dims]float32
	for d := range v {
		v[d] = scale * (float32(sum[d]) - 7.5*float32(len(features)))
	}
	language = -1
	var best, total float64 // total: of e^(score-best)
	for _, k := range among {
		if allow != nil && !allow[k] {
			continue
		}
		w := &m.weights[k]
		z := w[0]
		for d := range v {
			z += float32(w[1+d] * v[d])
		}
		switch score := float64(z); {
		case language < 0:
			language, best, total = k, score, 1
		case score > best:
			total = total*math.Exp(best-score) + 1
			language, best = k, score
		default:
			total += math.Exp(score - best)
		}
	}
	if language < 0 || Languages[language].Code == "" {
		return -1, 0
	}
	return language, 1 / total
}

// MainScript returns the script with the most letters in which an allowed
// language is written; noScript if there is none. One kana to four Han is enough
// to be Japanese, for nothing else has any.
func MainScript(counts [Scripts]int, allow []bool) Script {
	if counts[kana]*4 >= counts[han] {
		counts[kana] += counts[han]
		counts[han] = 0
	}
	best := noScript
	for s := noScript + 1; s < Scripts; s++ {
		if counts[s] > counts[best] && allowed(s, allow) {
			best = s
		}
	}
	return best
}

func allowed(s Script, allow []bool) bool {
	if allow == nil {
		return true
	}
	for k, l := range Languages {
		for _, t := range l.Scripts {
			if t == s && allow[k] {
				return true
			}
		}
	}
	return false
}
