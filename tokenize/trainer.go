package tokenize

import (
	"math/bits"
	"slices"
)

// A trainer learns merges as Hugging Face's BpeTrainer does: again and again it
// joins the pair that occurs most often, of equals the one whose left id, then
// whose right id is smaller.
//
//	words   the distinct pieces as symbols, one after the other; merged in place
//	pairs   (left, right) → index; how often each occurs, in 64 bits
//	queue   entries (count when pushed, pair, words in which it was then new):
//	        a heap whose top is looked up again when its count is stale
//
// An entry owns its words, as it does in the original: a pair can be pushed
// twice, when two different merges make the same token, and then its first entry
// still knows only the words that it was pushed with. That decides merges.
type trainer struct {
	symbols []int32
	start   []int32 // of each word in symbols
	size    []int32 // of each word now
	times   []int64 // how often each word occurs

	pairs  pairIndex
	count  []int64   // by pair
	key    []uint64  // by pair: left<<32 | right
	fresh  []int32   // by pair: its entry made by the merge under way, or -1
	latest []int32   // by pair: its latest entry
	spots  [][]int32 // by entry: its words; nil when the entry is done with
	queue  []queued
	made   []int32 // pairs that the merge under way makes
	tokens []string
	ids    map[string]int32
	length []int32 // by id, in symbols at first
	most   int     // a pair whose lengths add up to this is never counted; 0: any may
	merges [][2]int32
	counts []int64 // by merge: how often the pair occurred
}

type queued struct {
	count int64
	key   uint64
	pair  int32
	spots int32
}

// before is the order of the queue.
func (a queued) before(b queued) bool {
	return a.count > b.count || a.count == b.count && a.key < b.key
}

// newTrainer begins with the symbols: tokens are those that exist already, and
// ofByte says which of them each byte is.
func newTrainer(w *words, tokens []string, ofByte *[256]int32, most int) *trainer {
	t := &trainer{tokens: slices.Clone(tokens), ids: make(map[string]int32, len(tokens)), most: most}
	for id, token := range tokens {
		t.ids[token] = int32(id)
		t.length = append(t.length, 1)
	}
	n := len(w.n)
	t.symbols = make([]int32, len(w.text))
	for i := range len(w.text) {
		t.symbols[i] = ofByte[w.text[i]]
	}
	t.start, t.size, t.times = make([]int32, n), make([]int32, n), w.n
	at := int32(0)
	for i, end := range w.ends {
		t.start[i], t.size[i] = at, end-at
		at = end
	}
	t.pairs = newPairIndex()
	t.first()
	return t
}

// first counts the pairs of all words, and queues them.
func (t *trainer) first() {
	var last []int32 // by pair: the word it was seen in last, plus one
	var places []int32
	for w := range t.times {
		s := t.symbols[t.start[w] : t.start[w]+t.size[w]]
		for j := 0; j+1 < len(s); j++ {
			p := t.pair(s[j], s[j+1])
			if int(p) == len(last) {
				last, places = append(last, 0), append(places, 0)
			}
			t.count[p] += t.times[w]
			if last[p] != int32(w)+1 {
				last[p] = int32(w) + 1
				places[p]++
			}
		}
	}
	total := 0
	for _, n := range places {
		total += int(n)
	}
	room := make([]int32, total)
	t.spots = make([][]int32, len(places))
	for p, n := range places {
		t.spots[p] = room[:0:n]
		room = room[n:]
	}
	for w := range t.times {
		s := t.symbols[t.start[w] : t.start[w]+t.size[w]]
		for j := 0; j+1 < len(s); j++ {
			p := t.pair(s[j], s[j+1])
			if o := t.spots[p]; len(o) == 0 || o[len(o)-1] != int32(w) {
				t.spots[p] = append(o, int32(w))
			}
		}
	}
	for p := range t.spots {
		t.latest[p] = int32(p)
		t.push(queued{t.count[p], t.key[p], int32(p), int32(p)})
	}
}

// pair returns the index of a pair, a new one if need be.
func (t *trainer) pair(left, right int32) int32 {
	key := uint64(uint32(left))<<32 | uint64(uint32(right))
	p := t.pairs.get(key, int32(len(t.count)))
	if int(p) == len(t.count) {
		t.count, t.key = append(t.count, 0), append(t.key, key)
		t.fresh, t.latest = append(t.fresh, -1), append(t.latest, -1)
	}
	return p
}

// next returns the entry of the most frequent pair, or false if there is none
// that occurs at least least times.
func (t *trainer) next(least int64) (queued, bool) {
	for len(t.queue) > 0 {
		if top := &t.queue[0]; top.count != t.count[top.pair] {
			top.count = t.count[top.pair]
			t.down()
			continue
		}
		top := t.queue[0]
		last := len(t.queue) - 1
		t.queue[0] = t.queue[last]
		t.queue = t.queue[:last]
		t.down()
		if t.spots[top.spots] == nil {
			continue // repeat was here
		}
		if top.count < max(least, 1) {
			return top, false
		}
		return top, true
	}
	return queued{}, false
}

// join carries out a merge in the words of an entry.
func (t *trainer) join(top queued) {
	left, right := int32(top.key>>32), int32(uint32(top.key))
	whole := t.tokens[left] + t.tokens[right]
	id, ok := t.ids[whole]
	if !ok {
		id = int32(len(t.tokens))
		t.ids[whole] = id
		t.tokens = append(t.tokens, whole)
		t.length = append(t.length, t.length[left]+t.length[right])
	}
	t.merges = append(t.merges, [2]int32{left, right})
	t.counts = append(t.counts, top.count)
	length := t.length[left] + t.length[right]
	words := t.spots[top.spots]
	t.spots[top.spots] = nil
	t.made = t.made[:0]
	for _, w := range words {
		t.joinWord(w, left, right, id, length)
	}
	for _, p := range t.made {
		spots := t.fresh[p]
		t.fresh[p] = -1
		if t.count[p] > 0 {
			t.push(queued{t.count[p], t.key[p], p, spots})
		} else {
			t.spots[spots] = nil
		}
	}
}

// joinWord replaces left right by id in one word, and changes the counts of the
// neighbours' pairs.
func (t *trainer) joinWord(w, left, right, id, length int32) {
	s := t.symbols[t.start[w] : t.start[w]+t.size[w]]
	n := t.times[w]
	r := 0
	for r+1 < len(s) && (s[r] != left || s[r+1] != right) {
		r++
	}
	k := r // symbols written
	for r < len(s) {
		if s[r] != left || r+1 == len(s) || s[r+1] != right {
			s[k] = s[r]
			k, r = k+1, r+1
			continue
		}
		if k > 0 {
			before := s[k-1]
			t.count[t.pair(before, left)] -= n
			t.more(before, id, w, n, length+t.length[before])
		}
		if r+2 < len(s) {
			after := s[r+2]
			t.count[t.pair(right, after)] -= n
			t.more(id, after, w, n, length+t.length[after])
		}
		s[k] = id
		k, r = k+1, r+2
	}
	t.size[w] = int32(k)
}

// more counts a pair that a merge has made n times in word w.
func (t *trainer) more(left, right, w int32, n int64, length int32) {
	if t.most > 0 && int(length) >= t.most {
		return
	}
	p := t.pair(left, right)
	t.count[p] += n
	e := t.fresh[p]
	if e < 0 {
		e = int32(len(t.spots))
		t.fresh[p], t.latest[p] = e, e
		t.spots = append(t.spots, nil)
		t.made = append(t.made, p)
	}
	if o := t.spots[e]; len(o) == 0 || o[len(o)-1] != w {
		t.spots[e] = append(o, w)
	}
}

// push and down keep the queue, a heap of four children a node.
func (t *trainer) push(x queued) {
	t.queue = append(t.queue, x)
	h, i := t.queue, len(t.queue)-1
	for i > 0 {
		p := (i - 1) / 4
		if !x.before(h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = x
}

func (t *trainer) down() {
	h := t.queue
	if len(h) == 0 {
		return
	}
	x, i := h[0], 0
	for {
		c := 4*i + 1
		if c >= len(h) {
			break
		}
		best := c
		for k := c + 1; k < min(c+4, len(h)); k++ {
			if h[k].before(h[best]) {
				best = k
			}
		}
		if !h[best].before(x) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = x
}

// pairIndex maps pairs to small numbers: open addressing, linear probing.
type pairIndex struct {
	slots []pairNumber
	used  int
	shift uint
}

type pairNumber struct {
	key uint64 // plus one; 0: free
	n   int32
}

func newPairIndex() pairIndex {
	const first = 1 << 12
	return pairIndex{make([]pairNumber, first), 0, uint(64 - bits.TrailingZeros(first))}
}

// get returns the number of a pair; next, if it had none.
func (p *pairIndex) get(key uint64, next int32) int32 {
	key++
	mask := uint64(len(p.slots) - 1)
	for h := key * 0x9E3779B97F4A7C15 >> p.shift; ; h++ {
		s := &p.slots[h&mask]
		if s.key == key {
			return s.n
		}
		if s.key == 0 {
			*s = pairNumber{key, next}
			if p.used++; 2*p.used > len(p.slots) {
				p.grow()
			}
			return next
		}
	}
}

func (p *pairIndex) grow() {
	old := p.slots
	p.slots = make([]pairNumber, 2*len(old))
	p.shift--
	mask := uint64(len(p.slots) - 1)
	for _, o := range old {
		if o.key != 0 {
			h := o.key * 0x9E3779B97F4A7C15 >> p.shift
			for p.slots[h&mask].key != 0 {
				h++
			}
			p.slots[h&mask] = o
		}
	}
}
