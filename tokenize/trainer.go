package tokenize

import "slices"

// A trainer learns merges as Hugging Face's BpeTrainer does: it merges the pair
// that occurs most often, of equals the one whose left id, then whose right id is
// smaller, until there are enough tokens.
//
//	symbols      the distinct words, each a header and its symbols; merged in place
//	pairs        (left, right) → how often it occurs
//	queue        pairs by the count they were queued with, each with its words: a
//	             heap whose top is checked again when its count is stale
//	occurrences  the words of all queued pairs: their offsets in symbols, ascending
//
// All occurrences of a token come from one merge: wherever its text is not part of
// a longer token, earlier merges have left it the same symbols, since none of them
// crosses its ends. So a pair has its highest count, and all its words, right after
// the merge that makes the later of its tokens. It is queued then, once.
//
// Most pairs are rare and never merged. Pairs below minCount are not stored. When no
// others are left, minCount is lowered and the words are searched again.
type trainer struct {
	symbols     []int32
	words       []int32 // where each word begins in symbols
	pairs       pairCounts
	occurrences []int32
	queue       []queued
	minCount    int64

	before, after neighbours // of the pair that is being merged
	adjacent      []adjacency

	tokens    []string
	ids       map[string]int32
	maxLength int // a pair that makes a token of this many bytes is never counted; 0: no limit
	merges    [][2]int32
	counts    []int64 // by merge: how often the pair occurred

	entries map[uint64]queued // by pair, while the merges of another tokenizer are repeated
}

// wordHeader is what precedes the symbols of a word: their number, and how often
// the word occurs, low half first.
const wordHeader = 3

// neighbours sums up the symbols on one side of the pair that is being merged.
type neighbours struct {
	of   []neighbour // by symbol
	seen []int32     // the symbols that occur
}

type neighbour struct {
	n     int64 // how often it occurs
	words int32 // in how many words
	last  int32 // the last of these words; then, where its next occurrence is written
}

// An adjacency is a neighbour in one word: a symbol on the left of the pair, or
// the complement of a symbol on its right.
type adjacency struct{ symbol, word int32 }

func pairOf(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// newTrainer starts from the tokens that exist; ofByte is the id of each byte.
// extend says that merges of another tokenizer are repeated first.
func newTrainer(w *words, tokens []string, ofByte *[256]int32, maxLength int, minCount int64, extend bool) *trainer {
	t := &trainer{
		symbols:     make([]int32, 0, len(w.text)+wordHeader*len(w.n)),
		words:       make([]int32, 0, len(w.n)),
		occurrences: make([]int32, 0, 3*len(w.text)), // at first fewer than bytes, then at most two for each merge of two symbols
		pairs:       newPairCounts(),
		minCount:    max(minCount, 1),
		tokens:      slices.Clone(tokens),
		ids:         make(map[string]int32, len(tokens)),
		maxLength:   maxLength,
	}
	for id, token := range tokens {
		t.ids[token] = int32(id)
	}
	if extend {
		t.entries = map[uint64]queued{}
	}
	begin := int32(0)
	for i, end := range w.ends {
		t.words = append(t.words, int32(len(t.symbols)))
		t.symbols = append(t.symbols, end-begin, int32(w.n[i]), int32(w.n[i]>>32))
		for _, c := range asBytes(w.text[begin:end]) {
			t.symbols = append(t.symbols, ofByte[c])
		}
		begin = end
	}
	t.search()
	return t
}

// word returns the symbols of a word, and how often it occurs.
func (t *trainer) word(at int32) (symbols []int32, n int64) {
	w := t.symbols[at:]
	return w[wordHeader : wordHeader+w[0]], int64(uint32(w[1])) | int64(w[2])<<32
}

// search finds the pairs that occur at least minCount times and are not stored,
// and queues them.
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
		if p.count < t.minCount || t.tooLong(left, right) || t.pairs.find(p.key) != nil {
			p.n = 0
			continue
		}
		p.at, p.last = t.reserve(int32(p.n)), -1
		*t.pairs.at(p.key) = p.count
		t.push(p.queued)
	}
	for _, at := range t.words {
		s, _ := t.word(at)
		for j := 0; j+1 < len(s); j++ {
			if p := &pairs[*index.find(pairOf(s[j], s[j+1]))-1]; p.n > 0 && p.last != at {
				p.last = at
				t.occurrences[p.at] = at
				p.at++
			}
		}
	}
}

// room returns where there is room for n spots.
func (t *trainer) reserve(n int32) uint32 {
	at := len(t.occurrences)
	t.occurrences = slices.Grow(t.occurrences, int(n))[:at+int(n)]
	return uint32(at)
}

// tooLong says whether a pair makes a token that is longer than allowed. Pairs of
// bytes are always allowed.
func (t *trainer) tooLong(left, right int32) bool {
	n := len(t.tokens[left]) + len(t.tokens[right])
	return t.maxLength > 0 && n > 2 && n >= t.maxLength
}

// next returns the entry of the most frequent pair, or false if there is none
// that occurs at least least times.
func (t *trainer) next(least int64) (queued, bool) {
	least = max(least, 1)
	for {
		if len(t.queue) == 0 || t.queue[0].count < t.minCount {
			if t.minCount <= least {
				return queued{}, false
			}
			t.minCount = max(t.minCount/8, least)
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
		if t.occurrences[top.at] >= 0 {
			return top, true
		}
	}
}

// merge replaces a pair in all its words.
func (t *trainer) merge(top queued) {
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
	words := t.occurrences[top.at : top.at+top.n]
	t.replacePair(words, left, right, id)
	if len(words) > 0 {
		words[0] = -1
	}
	t.updateCounts(left, right, id)
}

// replacePair puts id for left right in the words and sums up the neighbours.
func (t *trainer) replacePair(words []int32, left, right, id int32) {
	t.adjacent = t.adjacent[:0]
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
				t.addNeighbour(&t.before, s[k-1], s[k-1], at, n)
			}
			if r+2 < len(s) {
				t.addNeighbour(&t.after, s[r+2], ^s[r+2], at, n)
			}
			s[k] = id
			k, r = k+1, r+2
		}
		t.symbols[at] = int32(k)
	}
}

func (t *trainer) addNeighbour(side *neighbours, symbol, as, word int32, n int64) {
	b := &side.of[symbol]
	if b.n == 0 {
		side.seen = append(side.seen, symbol)
	}
	b.n += n
	if b.last != word {
		b.last = word
		b.words++
		t.adjacent = append(t.adjacent, adjacency{as, word})
	}
}

// updateCounts counts the pairs that the merge made and removed, and queues the new
// ones that are frequent enough.
func (t *trainer) updateCounts(left, right, id int32) {
	for _, x := range t.before.seen {
		t.addPair(&t.before.of[x], x, id)
	}
	for _, y := range t.after.seen {
		t.addPair(&t.after.of[y], id, y)
	}
	for _, m := range t.adjacent {
		b := &t.before.of[max(m.symbol, 0)]
		if m.symbol < 0 {
			b = &t.after.of[^m.symbol]
		}
		if b.last >= 0 {
			t.occurrences[b.last] = m.word
			b.last++
		}
	}
	// After all new pairs are counted, since some are removed again: where left right
	// follows itself, id left becomes id id.
	for _, x := range t.before.seen {
		t.subtract(x, left, t.before.of[x].n)
	}
	for _, y := range t.after.seen {
		t.subtract(right, y, t.after.of[y].n)
	}
	for _, x := range t.before.seen {
		t.enqueue(&t.before.of[x], x, id)
	}
	for _, y := range t.after.seen {
		t.enqueue(&t.after.of[y], id, y)
	}
	t.before.seen, t.after.seen = t.before.seen[:0], t.after.seen[:0]
}

// addPair counts a new pair and makes room for its words, if it is frequent enough.
func (t *trainer) addPair(b *neighbour, left, right int32) {
	b.last = -1
	if b.n >= t.minCount && !t.tooLong(left, right) {
		*t.pairs.at(pairOf(left, right)) = b.n
		b.last = int32(t.reserve(b.words))
	}
}

func (t *trainer) subtract(left, right int32, n int64) {
	if count := t.pairs.find(pairOf(left, right)); count != nil {
		*count -= n
	}
}

// enqueue queues a pair with its words and clears the neighbour.
func (t *trainer) enqueue(b *neighbour, left, right int32) {
	if b.last >= 0 {
		key := pairOf(left, right)
		if n := *t.pairs.find(key); n > 0 {
			t.push(queued{n, key, uint32(b.last - b.words), uint32(b.words)})
		}
	}
	*b = neighbour{last: -1}
}
