package train

import (
	"math"
	"slices"
)

// A cache counts what followed what in the text read so far (Jelinek et al.
// 1991; Kuhn and De Mori 1990). From the empty context to the longest it
// changes what is predicted without it:
//
//	p_k(id) = g_k · p_(k−1)(id) + (1−g_k) · count(id after the last k ids) / count(any id after them)
//
// for each k whose context was read before. p_(−1) is the mixture of network
// and n-gram model. The gates g are logistic functions of what was counted, not
// of the id, so the probabilities sum to 1; and an id is scored before it is
// counted.
type cache struct {
	end  int32
	seen []map[uint64]*followers // of contexts of this many ids, by their hash
}

// followers are the ids that came after a context.
type followers struct {
	ids   []int32  // rising
	count []uint32 // of each
	sum   uint32
}

// perGate is how many features a gate has.
const perGate = 4

// An outlook is what the cache says of one target after one context: a gate's
// features and the share of the target among what followed.
type outlook struct {
	x     [perGate]float32
	share float64
}

// newCache returns an empty cache whose longest n-grams have order ids, or nil for 0.
func newCache(order int, end int32) *cache {
	if order == 0 {
		return nil
	}
	c := &cache{end: end, seen: make([]map[uint64]*followers, order)}
	for k := range c.seen {
		c.seen[k] = map[uint64]*followers{}
	}
	return c
}

// contexts calls each for the last 0, 1, 2 … ids of a context with their hash,
// until it returns false. An end id begins a text: nothing before it counts.
func (c *cache) contexts(context []int32, each func(k int, hash uint64) bool) {
	hash := uint64(0)
	for k := range c.seen {
		if !each(k, hash) || k == len(context) {
			return
		}
		id := context[len(context)-1-k]
		if k > 0 && context[len(context)-k] == c.end {
			return
		}
		hash = mix64(hash ^ uint64(uint32(id)) + 1)
	}
}

// mix64 is the finalizer of SplitMix64.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// known appends what followed the last 0, 1, 2 … ids of a context, as far as
// they were read before.
func (c *cache) known(dst []*followers, context []int32) []*followers {
	if c == nil {
		return dst
	}
	c.contexts(context, func(k int, hash uint64) bool {
		f := c.seen[k][hash]
		if f != nil {
			dst = append(dst, f)
		}
		return f != nil
	})
	return dst
}

// add counts an id after a context.
func (c *cache) add(context []int32, id int32) {
	if c == nil {
		return
	}
	c.contexts(context, func(k int, hash uint64) bool {
		f := c.seen[k][hash]
		if f == nil {
			f = new(followers)
			c.seen[k][hash] = f
		}
		i, has := slices.BinarySearch(f.ids, id)
		if !has {
			f.ids, f.count = slices.Insert(f.ids, i, id), slices.Insert(f.count, i, 0)
		}
		f.count[i]++
		f.sum++
		return true
	})
}

// describe writes a gate's features: how much followed the context, how much of
// it was different, and how sure the network is.
func (f *followers) describe(sumSquares float64) [perGate]float32 {
	return [perGate]float32{1, float32(math.Log(float64(f.sum))), float32(math.Log(float64(len(f.ids)))), float32(math.Log(max(sumSquares, 1e-9)))}
}

// share is that of an id among what followed.
func (f *followers) share(id int32) float64 {
	i, has := slices.BinarySearch(f.ids, id)
	if !has {
		return 0
	}
	return float64(f.count[i]) / float64(f.sum)
}

// outlooks appends what the cache says of a target.
func (c *cache) outlooks(dst []outlook, context []int32, sumSquares float64, target int32) []outlook {
	var buf [maxCache]*followers
	for _, f := range c.known(buf[:0], context) {
		dst = append(dst, outlook{f.describe(sumSquares), f.share(target)})
	}
	return dst
}

// maxCache is the longest n-gram that a cache may count.
const maxCache = 8

// gate is g: what is left to shorter contexts.
func gate(weights []float64, x *[perGate]float32) float64 {
	z := 0.0
	for i, w := range weights {
		z += w * float64(x[i])
	}
	return 1 / (1 + math.Exp(-z))
}
