package trial

import (
	"time"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// A Decoded is how fast a model generates.
type Decoded struct {
	Prompt time.Duration   // of reading the prompts of all rows
	Took   []time.Duration // of each step: one further id a row
	Bytes  int64           // of weights that every step reads
}

// Decode feeds each of this many rows a prompt and generates further ids, one a row at a time.
// Each prompt is another.
func Decode(m model.LanguageModel, rows, prompt, ids int) Decoded {
	d := Decoded{Bytes: read(m)}
	first := make([][]int32, rows)
	for r := range first {
		first[r] = make([]int32, prompt)
		for i := range first[r] {
			first[r][i] = int32((i + r) % m.Vocab())
		}
	}
	var dec model.Decoder
	var logits []float32
	for try := range 2 { // the first finds the memory that it takes
		dec = m.Decoder()
		start := time.Now()
		logits = dec.Feed(first)
		if took := time.Since(start); try == 0 || took < d.Prompt {
			d.Prompt = took
		}
	}
	last := make([]int32, rows)
	next := make([][]int32, rows)
	for range ids {
		for r := range next {
			last[r] = likeliest(logits[r*m.Vocab():][:m.Vocab()])
			next[r] = last[r:][:1]
		}
		start := time.Now()
		logits = dec.Feed(next)
		d.Took = append(d.Took, time.Since(start))
	}
	return d
}

func likeliest(logits []float32) int32 {
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	return int32(best)
}

// read counts the weights that one step needs: all, but of tables it is looked up in only a row.
func read(m model.LanguageModel) (bytes int64) {
	for _, p := range m.Params() {
		switch {
		case p.Group == 0 && p.Tensor != m.Head():
		case p.Quantized != nil:
			bytes += int64(p.Quantized.Bytes())
		default:
			bytes += 4 * int64(len(p.Data))
		}
	}
	return bytes
}

// Bandwidth is how many bytes a second all workers read from an array of this many bytes.
func Bandwidth(bytes int64) float64 {
	x := par.Zeros(int(bytes)/4 + 1<<13) // enough for the smallest to be measured
	for i := range x {
		x[i] = 1 // pages that were never written are all the same one
	}
	return kernel.Bandwidth(x)
}
