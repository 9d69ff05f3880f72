package ngram

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"slices"
)

// Train counts all streams and returns the model.
func Train(o Options, streams iter.Seq[[]int32]) (*Model, error) {
	c, err := NewCounter(o)
	if err != nil {
		return nil, err
	}
	for ids := range streams {
		if err := c.Add(ids); err != nil {
			return nil, err
		}
	}
	return c.Model()
}

// Discounts are what is taken off an n-gram that was counted once, twice, and
// three times or more.
type Discounts [3]float64

// fallback discounts stand in where there are too few n-grams to estimate any,
// as in KenLM with --discount_fallback: an alphabet has hardly a letter that
// occurred only once.
var fallback = Discounts{0.5, 1, 1.5}

// discounts estimates them from the counts of one order: Chen and Goodman,
// equation 26.
func discounts(counts []uint32) (d Discounts, ok bool) {
	var n [5]float64
	for _, c := range counts {
		if c > 0 && c < 5 {
			n[c]++
		}
	}
	if n[1] == 0 || n[2] == 0 || n[3] == 0 {
		return fallback, false
	}
	y := n[1] / (n[1] + 2*n[2])
	for k := 1.0; k <= 3; k++ {
		d[int(k)-1] = k - (k+1)*y*n[int(k)+1]/n[int(k)]
		if d[int(k)-1] <= 0 || d[int(k)-1] > k {
			return fallback, false
		}
	}
	return d, true
}

func (d Discounts) of(count uint32) float64 {
	if count == 0 {
		return 0
	}
	return d[min(count, 3)-1]
}

// Model smooths the counts. The Counter is used up.
func (c *Counter) Model() (*Model, error) {
	if c.tokens == 0 {
		return nil, errors.New("nothing to learn from: no ids")
	}
	m := &Model{order: c.o.Order, vocab: c.o.Vocab, end: c.o.End, Tokens: c.tokens}
	kept := c.prune()
	var place []uint32      // number → place in the trie, of the level below
	var lower []float32     // probabilities of the level below
	var lowerLogb []float32 // where its back-off weights go
	for k := range c.o.Order {
		l := c.levels[k]
		c.levels[k] = level{}
		d, ok := discounts(l.count)
		m.Discounts = append(m.Discounts, d)
		if !ok {
			m.Fallback = append(m.Fallback, k+1)
		}
		var t trie
		var p []float32
		if k == 0 {
			p = unigrams(l.count[:c.o.Vocab], d)
			p = append(p, 1) // of the beginning, which is never asked
			place = make([]uint32, len(p))
			for i := range place {
				place[i] = uint32(i)
			}
		} else {
			t, p, place = smooth(l, d, kept[k], place, lower, lowerLogb, &m.levels[k-1])
		}
		t.logp = p
		if k < c.o.Order-1 {
			t.logb = make([]float32, len(p))
		}
		m.levels = append(m.levels, t)
		lower, lowerLogb = slices.Clone(p), t.logb
		if k > 0 {
			logs(m.levels[k-1].logp)
		}
	}
	logs(m.levels[c.o.Order-1].logp)
	m.levels[0].logp[c.o.Vocab] = 0
	return m, nil
}

// unigrams returns the probabilities of all ids, mixed with 1/vocab.
func unigrams(counts []uint32, d Discounts) []float32 {
	sum, off := 0.0, 0.0
	for _, c := range counts {
		sum += float64(c)
		off += d.of(c)
	}
	p := make([]float32, len(counts), len(counts)+1)
	for i, c := range counts {
		p[i] = float32((float64(c)-d.of(c))/sum + off/sum/float64(len(counts)))
	}
	return p
}

// smooth lays out one level above the unigrams, gives its n-grams their
// probabilities, and their contexts, in the level below, their back-off weights
// and children. It returns where each n-gram now lies. What is not kept (nil:
// all is) counts in its context's sum, and lies nowhere.
func smooth(l level, d Discounts, kept []bool, below []uint32, lower, logb []float32, contexts *trie) (t trie, p []float32, place []uint32) {
	type gram struct {
		key uint64 // place of the context, last id
		num uint32
	}
	grams := make([]gram, 0, l.table.n)
	for i, num := range l.table.nums {
		if num > 0 {
			key := l.table.keys[i]
			context := below[key>>32]
			if context == pruned {
				continue // of a context that is not kept, nothing is
			}
			grams = append(grams, gram{uint64(context)<<32 | key&math.MaxUint32, num - 1})
		}
	}
	l.table = table{}
	slices.SortFunc(grams, func(a, b gram) int { return cmp.Compare(a.key, b.key) })
	place = make([]uint32, len(l.count))
	for i := range place {
		place[i] = pruned
	}
	contexts.first = make([]uint32, len(lower)+1)
	for from := 0; from < len(grams); {
		h := grams[from].key >> 32
		to := from
		sum, off := 0.0, 0.0
		for ; to < len(grams) && grams[to].key>>32 == h; to++ {
			c := l.count[grams[to].num]
			sum += float64(c)
			if kept == nil || kept[grams[to].num] {
				off += d.of(c)
			} else {
				off += float64(c)
			}
		}
		at := len(t.ids)
		b := 1.0 // of a context that was seen only where a stretch of a text begins: nothing is known to follow it
		if sum > 0 {
			b = off / sum
		} else {
			sum = 1
		}
		logb[h] = float32(math.Log(b))
		for i := from; i < to; i++ {
			g := grams[i]
			if kept != nil && !kept[g.num] {
				continue
			}
			c := l.count[g.num]
			place[g.num] = uint32(len(t.ids))
			t.ids = append(t.ids, uint32(g.key))
			p = append(p, float32((float64(c)-d.of(c))/sum+b*float64(lower[below[l.suffix[g.num]]])))
		}
		contexts.first[h+1] = uint32(len(t.ids) - at)
		from = to
	}
	for i := range lower {
		contexts.first[i+1] += contexts.first[i]
	}
	return t, p, place
}

func logs(p []float32) {
	for i, x := range p {
		p[i] = float32(math.Log(float64(x)))
	}
}
