package trial

import (
	"time"

	"fragua/model"
	"fragua/model/kernel"
)

// A Decoded is how fast a model generates.
type Decoded struct {
	Took      []time.Duration // of each id
	Bytes     int64           // of weights that every id reads
	Bandwidth float64         // bytes a second that all workers read from an array as large
}

// Decode feeds prompt ids to a model and generates further ones, one at a time.
func Decode(m model.LanguageModel, prompt, ids int) Decoded {
	d := Decoded{Bytes: read(m)}
	d.Bandwidth = bandwidth(int(d.Bytes / 4))
	dec := m.Decoder()
	first := make([]int32, prompt)
	for i := range first {
		first[i] = int32(i % m.Vocab())
	}
	logits := dec.Feed([][]int32{first})
	for range ids {
		best := 0
		for i, v := range logits {
			if v > logits[best] {
				best = i
			}
		}
		start := time.Now()
		logits = dec.Feed([][]int32{{int32(best)}})
		d.Took = append(d.Took, time.Since(start))
	}
	d.Bandwidth = max(d.Bandwidth, bandwidth(int(d.Bytes/4)))
	return d
}

// read counts the weights that one id needs: all, but of tables it is looked up in only a row.
func read(m model.LanguageModel) (bytes int64) {
	for _, p := range m.Params() {
		if p.Group > 0 || p.Tensor == m.Head() {
			bytes += 4 * int64(len(p.Data))
		}
	}
	return bytes
}

// bandwidth reads n floats a few times, the best counts.
func bandwidth(n int) float64 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1 // pages that were never written are all the same one
	}
	best := 0.0
	for range 5 {
		start := time.Now()
		kernel.Sum(x)
		best = max(best, 4*float64(n)/time.Since(start).Seconds())
	}
	return best
}
