package ngram

import (
	"fmt"
	"math"
)

// MaxOrder is the longest n-gram that is counted.
const MaxOrder = 7

// Options say what is counted.
type Options struct {
	Order int   // 1 to MaxOrder
	Vocab int   // ids are below it
	End   int32 // the id that closes a stream; the one after it begins another
	// MinCount prunes: n-grams of three ids and more that were counted fewer times
	// are left out of the model, unless a longer one that stays rests on them.
	// Their probability goes to shorter contexts. 0 and 1: none is left out.
	MinCount int
}

// A Counter takes streams and makes a Model of them.
type Counter struct {
	o      Options
	levels []level // levels[k-1] holds the k-grams
	prev   []uint32
	tokens int64
}

// A level is the n-grams of one order, numbered as they appeared.
type level struct {
	table  table    // (number of all but the last id at the level below) << 32 | last id → number
	count  []uint32 // adjusted count
	suffix []uint32 // the number, at the level below, of all but the first id
}

// NewCounter returns an empty Counter.
func NewCounter(o Options) (*Counter, error) {
	switch {
	case o.Order < 1 || o.Order > MaxOrder:
		return nil, fmt.Errorf("order %d is not between 1 and %d", o.Order, MaxOrder)
	case o.Vocab < 1 || o.Vocab >= math.MaxInt32:
		return nil, fmt.Errorf("a vocabulary of %d", o.Vocab)
	case o.MinCount < 0:
		return nil, fmt.Errorf("a smallest count of %d", o.MinCount)
	case o.End < 0 || int(o.End) >= o.Vocab:
		return nil, fmt.Errorf("end id %d in a vocabulary of %d", o.End, o.Vocab)
	}
	c := &Counter{o: o, levels: make([]level, o.Order), prev: make([]uint32, o.Order+1)}
	c.levels[0].count = make([]uint32, o.Vocab+1) // a unigram's number is its id
	return c, nil
}

// Add counts one stream. It begins a text; where it holds the end id, another
// text begins after it.
func (c *Counter) Add(ids []int32) error { return c.add(ids, true) }

// AddRest counts a stream that goes on with a text begun elsewhere, such as a
// row of a cut document: the first id is context alone, and was counted there.
func (c *Counter) AddRest(ids []int32) error { return c.add(ids, false) }

func (c *Counter) add(ids []int32, begins bool) error {
	n := c.o.Order
	prev := c.prev // prev[k]: number of the k-gram that ends before this id
	at := -1       // the longest n-gram known to end here has at+2 ids, the text's beginning among them if it begins
	if begins {
		at, prev[1] = 0, uint32(c.o.Vocab)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= c.o.Vocab {
			return fmt.Errorf("id %d at %d, but the vocabulary has %d", id, i, c.o.Vocab)
		}
		if at >= 0 {
			c.tokens++
		}
		var below, next uint32 // of the (k-1)-gram and the k-gram that end here
		for k := 1; k <= min(n, at+2); k++ {
			l := &c.levels[k-1]
			if k == 1 {
				next = uint32(id)
			} else {
				var isNew bool
				next, isNew = l.table.number(uint64(prev[k-1])<<32|uint64(id), len(l.count))
				if isNew {
					if len(l.count) == math.MaxUint32 {
						return fmt.Errorf("more than %d different %d-grams", uint32(math.MaxUint32), k)
					}
					l.count = append(l.count, 0)
					l.suffix = append(l.suffix, below)
					c.levels[k-2].count[below]++ // one more id stands before it
				}
				prev[k-1] = below
			}
			if at >= 0 && (k == n || begins && k == at+2) {
				l.count[next]++
			}
			below = next
		}
		if at+2 >= n {
			prev[n] = below
		} else {
			prev[at+2] = below
		}
		at++
		if id == c.o.End {
			at, begins, prev[1] = 0, true, uint32(c.o.Vocab)
		}
	}
	return nil
}

// A table gives numbers to keys in the order in which they first appear: open
// addressing, at most three quarters full.
type table struct {
	keys []uint64
	nums []uint32 // number + 1; 0: empty
	n    int
}

// number returns the number of a key, and whether it is new: then it is next.
func (t *table) number(key uint64, next int) (num uint32, isNew bool) {
	if 4*t.n >= 3*len(t.keys) {
		t.grow()
	}
	mask := uint64(len(t.keys) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		switch {
		case t.nums[i] == 0:
			t.keys[i], t.nums[i] = key, uint32(next)+1
			t.n++
			return uint32(next), true
		case t.keys[i] == key:
			return t.nums[i] - 1, false
		}
	}
}

func (t *table) grow() {
	old := *t
	size := max(1<<10, 2*len(old.keys))
	t.keys, t.nums = make([]uint64, size), make([]uint32, size)
	mask := uint64(size - 1)
	for j, num := range old.nums {
		if num == 0 {
			continue
		}
		i := mix(old.keys[j]) & mask
		for t.nums[i] != 0 {
			i = (i + 1) & mask
		}
		t.keys[i], t.nums[i] = old.keys[j], num
	}
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
