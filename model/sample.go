package model

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"fragua/model/kernel/par"
	"fragua/pipeline/fault"
)

// A Sampler draws the next id from logits. The zero value takes the likeliest.
type Sampler struct {
	Temperature float64 `yaml:"temperature" doc:"What logits are divided by: below 1 safer, above 1 wilder. 0: always the likeliest."`
	TopK        int     `yaml:"top_k" doc:"Draw from the k likeliest ids only. 0: from all."`
	TopP        float64 `yaml:"top_p" doc:"Draw from the fewest ids that hold this probability (Holtzman et al. 2020). 0: from all."`
	Repetition  float64 `yaml:"repetition_penalty" doc:"Divides the logits of ids already there (Keskar et al. 2019, section 4.1). 0: off."`
	Seed        uint64  `yaml:"seed" doc:"The same seed draws the same ids."`
}

// Check finds the faults of the settings.
func (s Sampler) Check() []fault.Fault {
	var f faults
	if !(s.Temperature >= 0) {
		f = append(f, fault.Fault{Path: "temperature", Err: fmt.Sprintf("%g is below 0", s.Temperature)})
	}
	if s.TopK < 0 {
		f = append(f, fault.Fault{Path: "top_k", Err: fmt.Sprintf("%d is below 0", s.TopK), Hint: "0 means all"})
	}
	if !(s.TopP >= 0 && s.TopP <= 1) {
		f = append(f, fault.Fault{Path: "top_p", Err: fmt.Sprintf("%g is not in [0, 1]", s.TopP)})
	}
	if s.Repetition != 0 && !(s.Repetition >= 1) {
		f = append(f, fault.Fault{Path: "repetition_penalty", Err: fmt.Sprintf("%g is below 1", s.Repetition), Hint: "1.1 to 1.3 is usual"})
	}
	return f
}

// Generate feeds the prompt to a fresh decoder and yields up to n ids, until
// one of the stop ids (which is not yielded), the end of the context, or the
// reader's leaving. The same seed gives the same ids.
func Generate(ctx context.Context, d Decoder, prompt []int32, n int, stop []int32, s Sampler) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		drawn := NewDraw(s, prompt)
		rows, last := [][]int32{prompt}, make([]int32, 1)
		for range n {
			if ctx.Err() != nil || len(rows[0]) == 0 {
				return
			}
			id := drawn.Next(d.Feed(rows))
			if slices.Contains(stop, id) || !yield(id) {
				return
			}
			rows[0], last[0] = last, id
		}
	}
}

// A Draw draws the ids of one text, one after another.
type Draw struct {
	s     Sampler
	rng   *rand.Rand
	seen  map[int32]bool // for the penalty alone
	drawn sampling
}

// NewDraw begins a text with a prompt. The same seed and logits give the same ids.
func NewDraw(s Sampler, prompt []int32) *Draw {
	d := &Draw{s: s, rng: rand.New(rand.NewPCG(s.Seed, 0x5a)), seen: map[int32]bool{}} // one stream a text
	if s.Repetition > 0 {
		for _, id := range prompt {
			d.seen[id] = true
		}
	}
	return d
}

// Next draws an id from the logits of all.
func (d *Draw) Next(logits []float32) int32 {
	id := d.drawn.next(d.s, d.rng, logits, d.seen)
	if d.s.Repetition > 0 {
		d.seen[id] = true
	}
	return id
}

// A candidate is an id and how likely it is.
type candidate struct {
	id int32
	p  float64 // a logit, a probability or a log-probability
}

func likelier(a, b candidate) int {
	if c := cmp.Compare(b.p, a.p); c != 0 {
		return c
	}
	return cmp.Compare(a.id, b.id) // equal ones by id, so that the order is one
}

type sampling struct{ list []candidate }

func (d *sampling) next(s Sampler, rng *rand.Rand, logits []float32, seen map[int32]bool) int32 {
	if s.Temperature == 0 && s.Repetition == 0 {
		return likeliest(logits)
	}
	list := slices.Grow(d.list[:0], len(logits))[:len(logits)]
	for id, z := range logits {
		list[id] = candidate{int32(id), float64(z)}
	}
	d.list = list
	if s.Repetition > 0 {
		for id := range seen {
			if c := &list[id]; c.p > 0 {
				c.p /= s.Repetition
			} else {
				c.p *= s.Repetition
			}
		}
	}
	if s.Temperature == 0 {
		return slices.MinFunc(list, likelier).id
	}
	if s.TopK > 0 && s.TopK < len(list) {
		list = top(list, s.TopK)
	}
	most, sum := math.Inf(-1), 0.0
	for _, c := range list {
		most = max(most, c.p)
	}
	par.For(len(list), 1<<12, func(lo, hi int) {
		for i, c := range list[lo:hi] {
			list[lo+i].p = math.Exp((c.p - most) / s.Temperature)
		}
	})
	for _, c := range list {
		sum += c.p
	}
	if s.TopP > 0 && s.TopP < 1 {
		// What is below (1−p)/V of the sum makes less than 1−p together, so the
		// likeliest that hold p are all among the others.
		least := (1 - s.TopP) / float64(len(list)) * sum
		list = slices.DeleteFunc(list, func(c candidate) bool { return c.p < least })
		slices.SortFunc(list, likelier)
		held := 0.0
		for i, c := range list {
			if held += c.p; held >= s.TopP*sum {
				list, sum = list[:i+1], held
				break
			}
		}
	}
	r := rng.Float64() * sum
	for _, c := range list {
		if r -= c.p; r < 0 {
			return c.id
		}
	}
	return list[len(list)-1].id
}

// likeliest is the first id of the largest logit.
func likeliest(logits []float32) int32 {
	best := 0
	for id, z := range logits {
		if top := logits[best]; z > top || top != top && z == z {
			best = id
		}
	}
	return int32(best)
}

// top brings the k likeliest to the front, in order, and returns them.
func top(list []candidate, k int) []candidate {
	if k <= 0 {
		return nil
	}
	h := list[:k] // a heap with the least likely of the best on top
	for i := k/2 - 1; i >= 0; i-- {
		sink(h, i)
	}
	for i := k; i < len(list); i++ {
		if !(list[i].p < h[0].p) && likelier(list[i], h[0]) < 0 { // most fail the first, which is fast
			h[0], list[i] = list[i], h[0]
			sink(h, 0)
		}
	}
	slices.SortFunc(h, likelier)
	return h
}

// topLogits returns the k likeliest ids of a row, in order; those of −Inf are never among them.
func topLogits(row []float32, k int) []candidate {
	h := make([]candidate, 0, k)
	least := float32(math.Inf(-1))
	for id, z := range row {
		if !(z > least) { // of equal ones the first counts, and it was here before
			continue
		}
		if len(h) < k {
			if h = append(h, candidate{int32(id), float64(z)}); len(h) < k {
				continue
			}
			for i := k/2 - 1; i >= 0; i-- {
				sink(h, i)
			}
		} else {
			h[0] = candidate{int32(id), float64(z)}
			sink(h, 0)
		}
		least = float32(h[0].p)
	}
	slices.SortFunc(h, likelier)
	return h
}

func sink(h []candidate, i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && likelier(h[c+1], h[c]) > 0 {
			c++
		}
		if likelier(h[c], h[i]) < 0 {
			return
		}
		h[c], h[i] = h[i], h[c]
		i = c
	}
}
