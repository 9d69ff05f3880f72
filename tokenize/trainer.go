package tokenize

import (
	"math/bits"
	"slices"
)

// A trainer learns merges as Hugging Face's BpeTrainer does: again and again it
// joins the pair that occurs most often, of equals the one whose left id, then
// whose right id is smaller.
//
//	tape    the distinct pieces, each as symbols behind a header; merged in place
//	pairs   (left, right) → how often it occurs, in 64 bits
//	queue   pairs by how often they occurred when they were queued, each with its
//	        words: a heap whose top is looked up again when its count is stale
//	spots   the words of all pairs queued: where on the tape they begin, ascending
//
// All occurrences of a token come of one merge: wherever its text does not belong
// to a longer token, the merges before have left it the same symbols, since none
// of them reaches across its ends. So a pair occurs most often, and in all the
// words in which it ever will, right after the merge that makes the later of its
// tokens. It is queued then, and once.
//
// Most pairs are rare, and never merged. Those that occur less often than floor
// are not remembered at all. When no others are left, floor is lowered, and the
// words are searched for what was passed over.
type trainer struct {
	tape  []int32
	words []int32 // where each word begins on the tape
	pairs pairCounts
	spots []int32
	queue []queued
	floor int64

	before, after neighbours // of the pair that is being joined
	met           []meeting

	tokens []string
	ids    map[string]int32
	most   int // a pair that makes a token of so many bytes is never counted; 0: any may be
	merges [][2]int32
	counts []int64 // by merge: how often the pair occurred

	entries map[uint64]queued // by pair, while merges are repeated
}

// wordHead is what stands on the tape before the symbols of a word: their number,
// and how often the word occurs, low half first.
const wordHead = 3

// A queued pair has its words in spots[at:at+n]; the first is negative when they
// are joined already.
type queued struct {
	count int64
	key   uint64
	at, n uint32
}

// neighbours sums up what stands on one side of the pair that is being joined.
type neighbours struct {
	of   []neighbour // by symbol
	seen []int32     // the symbols that do
}

type neighbour struct {
	n     int64 // how often it does
	words int32 // in how many words
	last  int32 // the last of these; then, where the next spot goes
}

// A meeting is a neighbour in a word: a symbol on the left, or on the right of
// the pair if it is inverted.
type meeting struct{ symbol, word int32 }

func pairOf(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// newTrainer begins with the symbols: tokens are those that exist already, and
// ofByte says which of them each byte is.
func newTrainer(w *words, tokens []string, ofByte *[256]int32, most int, floor int64, repeats bool) *trainer {
	t := &trainer{
		tape:   make([]int32, 0, len(w.text)+wordHead*len(w.n)),
		words:  make([]int32, 0, len(w.n)),
		spots:  make([]int32, 0, 3*len(w.text)), // fewer than bytes at first, and then at most two where two symbols become one
		pairs:  newPairCounts(),
		floor:  max(floor, 1),
		tokens: slices.Clone(tokens),
		ids:    make(map[string]int32, len(tokens)),
		most:   most,
	}
	for id, token := range tokens {
		t.ids[token] = int32(id)
	}
	if repeats {
		t.entries = map[uint64]queued{}
	}
	begin := int32(0)
	for i, end := range w.ends {
		t.words = append(t.words, int32(len(t.tape)))
		t.tape = append(t.tape, end-begin, int32(w.n[i]), int32(w.n[i]>>32))
		for _, c := range asBytes(w.text[begin:end]) {
			t.tape = append(t.tape, ofByte[c])
		}
		begin = end
	}
	t.search()
	return t
}

// word returns the symbols of a word, and how often it occurs.
func (t *trainer) word(at int32) (symbols []int32, n int64) {
	w := t.tape[at:]
	return w[wordHead : wordHead+w[0]], int64(uint32(w[1])) | int64(w[2])<<32
}

// search looks through all words for pairs that are not remembered but occur
// floor times or more, and queues them.
func (t *trainer) search() {
	type pair struct {
		queued
		last int32 // the word it was seen in last
	}
	var pairs []pair
	index := newPairCounts() // its place in pairs, from 1
	for _, at := range t.words {
		s, n := t.word(at)
		for j := 0; j+1 < len(s); j++ {
			key := pairOf(s[j], s[j+1])
			i := index.at(key)
			if *i == 0 {
				pairs = append(pairs, pair{queued{key: key}, -1})
				*i = int64(len(pairs))
			}
			p := &pairs[*i-1]
			p.count += n
			if p.last != at {
				p.last = at
				p.n++
			}
		}
	}
	for i := range pairs {
		p := &pairs[i]
		left, right := int32(p.key>>32), int32(uint32(p.key))
		if p.count < t.floor || t.tooLong(left, right) || t.pairs.find(p.key) != nil {
			p.n = 0
			continue
		}
		p.at, p.last = t.room(int32(p.n)), -1
		*t.pairs.at(p.key) = p.count
		t.push(p.queued)
	}
	for _, at := range t.words {
		s, _ := t.word(at)
		for j := 0; j+1 < len(s); j++ {
			if p := &pairs[*index.find(pairOf(s[j], s[j+1]))-1]; p.n > 0 && p.last != at {
				p.last = at
				t.spots[p.at] = at
				p.at++
			}
		}
	}
}

// room returns where there is room for n spots.
func (t *trainer) room(n int32) uint32 {
	at := len(t.spots)
	t.spots = slices.Grow(t.spots, int(n))[:at+int(n)]
	return uint32(at)
}

// tooLong says whether the token that a pair makes may not be. Pairs of bytes
// always may.
func (t *trainer) tooLong(left, right int32) bool {
	n := len(t.tokens[left]) + len(t.tokens[right])
	return t.most > 0 && n > 2 && n >= t.most
}

// next returns the entry of the most frequent pair, or false if there is none
// that occurs at least least times.
func (t *trainer) next(least int64) (queued, bool) {
	least = max(least, 1)
	for {
		if len(t.queue) == 0 || t.queue[0].count < t.floor {
			if t.floor <= least {
				return queued{}, false
			}
			t.floor = max(t.floor/8, least)
			t.search()
			continue
		}
		top := t.queue[0]
		if n := *t.pairs.find(top.key); n != top.count {
			t.queue[0].count = n
			t.down()
			continue
		}
		t.pop()
		if t.spots[top.at] >= 0 {
			return top, true
		}
	}
}

// join carries out a merge in the words of an entry.
func (t *trainer) join(top queued) {
	left, right := int32(top.key>>32), int32(uint32(top.key))
	whole := t.tokens[left] + t.tokens[right]
	id, ok := t.ids[whole] // of a special token, perhaps
	if !ok {
		id = int32(len(t.tokens))
		t.ids[whole] = id
		t.tokens = append(t.tokens, whole)
	}
	t.merges = append(t.merges, [2]int32{left, right})
	t.counts = append(t.counts, top.count)
	for len(t.before.of) < len(t.tokens) {
		t.before.of = append(t.before.of, neighbour{last: -1})
		t.after.of = append(t.after.of, neighbour{last: -1})
	}
	words := t.spots[top.at : top.at+top.n]
	t.replace(words, left, right, id)
	if len(words) > 0 {
		words[0] = -1
	}
	t.settle(left, right, id)
}

// replace puts id for left right in the words, and notes the neighbours.
func (t *trainer) replace(words []int32, left, right, id int32) {
	t.met = t.met[:0]
	for _, at := range words {
		s, n := t.word(at)
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
				t.meet(&t.before, s[k-1], s[k-1], at, n)
			}
			if r+2 < len(s) {
				t.meet(&t.after, s[r+2], ^s[r+2], at, n)
			}
			s[k] = id
			k, r = k+1, r+2
		}
		t.tape[at] = int32(k)
	}
}

func (t *trainer) meet(side *neighbours, symbol, as, word int32, n int64) {
	b := &side.of[symbol]
	if b.n == 0 {
		side.seen = append(side.seen, symbol)
	}
	b.n += n
	if b.last != word {
		b.last = word
		b.words++
		t.met = append(t.met, meeting{as, word})
	}
}

// settle counts the pairs that the replacement made and took away, and queues
// the former if they are frequent enough.
func (t *trainer) settle(left, right, id int32) {
	for _, x := range t.before.seen {
		t.gain(&t.before.of[x], x, id)
	}
	for _, y := range t.after.seen {
		t.gain(&t.after.of[y], id, y)
	}
	for _, m := range t.met {
		b := &t.before.of[max(m.symbol, 0)]
		if m.symbol < 0 {
			b = &t.after.of[^m.symbol]
		}
		if b.last >= 0 {
			t.spots[b.last] = m.word
			b.last++
		}
	}
	// When all that is made is counted, since some of it is lost again: id left,
	// where left right follows itself.
	for _, x := range t.before.seen {
		t.lose(x, left, t.before.of[x].n)
	}
	for _, y := range t.after.seen {
		t.lose(right, y, t.after.of[y].n)
	}
	for _, x := range t.before.seen {
		t.enqueue(&t.before.of[x], x, id)
	}
	for _, y := range t.after.seen {
		t.enqueue(&t.after.of[y], id, y)
	}
	t.before.seen, t.after.seen = t.before.seen[:0], t.after.seen[:0]
}

// gain counts a pair that is made, and makes room for its words, if it is to be
// remembered.
func (t *trainer) gain(b *neighbour, left, right int32) {
	b.last = -1
	if b.n >= t.floor && !t.tooLong(left, right) {
		*t.pairs.at(pairOf(left, right)) = b.n
		b.last = int32(t.room(b.words))
	}
}

func (t *trainer) lose(left, right int32, n int64) {
	if count := t.pairs.find(pairOf(left, right)); count != nil {
		*count -= n
	}
}

// enqueue queues a pair with the words that were noted, and forgets the neighbour.
func (t *trainer) enqueue(b *neighbour, left, right int32) {
	if b.last >= 0 {
		key := pairOf(left, right)
		if n := *t.pairs.find(key); n > 0 {
			t.push(queued{n, key, uint32(b.last - b.words), uint32(b.words)})
		}
	}
	*b = neighbour{last: -1}
}

// push, pop and down keep the queue, a heap of four children a node.
func (t *trainer) push(x queued) {
	if t.entries != nil {
		t.entries[x.key] = x
	}
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

func (t *trainer) pop() {
	last := len(t.queue) - 1
	t.queue[0] = t.queue[last]
	t.queue = t.queue[:last]
	t.down()
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

// before is the order of the queue.
func (a queued) before(b queued) bool {
	return a.count > b.count || a.count == b.count && a.key < b.key
}

// pairCounts maps pairs to counts: open addressing, linear probing.
type pairCounts struct {
	slots []pairCount
	used  int
	shift uint
}

type pairCount struct {
	key uint64 // plus one; 0: free
	n   int64
}

func newPairCounts() pairCounts {
	const first = 1 << 12
	return pairCounts{make([]pairCount, first), 0, uint(64 - bits.TrailingZeros(first))}
}

// find returns where the count of a pair is, until the next call of at; nil if it has none.
func (p *pairCounts) find(key uint64) *int64 {
	key++
	mask := uint64(len(p.slots) - 1)
	for h := key * 0x9E3779B97F4A7C15 >> p.shift; ; h++ {
		switch s := &p.slots[h&mask]; s.key {
		case key:
			return &s.n
		case 0:
			return nil
		}
	}
}

// at is find, but it begins a count at 0.
func (p *pairCounts) at(key uint64) *int64 {
	if 2*p.used >= len(p.slots) {
		p.grow()
	}
	key++
	mask := uint64(len(p.slots) - 1)
	for h := key * 0x9E3779B97F4A7C15 >> p.shift; ; h++ {
		switch s := &p.slots[h&mask]; s.key {
		case 0:
			s.key = key
			p.used++
			return &s.n
		case key:
			return &s.n
		}
	}
}

func (p *pairCounts) grow() {
	old := p.slots
	p.slots = make([]pairCount, 2*len(old))
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
