package ngram

import "slices"

// A Model gives probabilities. It is safe for concurrent use.
type Model struct {
	order  int
	vocab  int
	end    int32
	levels []trie

	Tokens    int64       // how many ids it was trained on
	Discounts []Discounts // of each order, from 1
	Fallback  []int       // the orders whose discounts could not be estimated
}

// A trie is one level of the trie of n-grams; see the package's comment.
type trie struct {
	ids   []uint32 // nil at level 1
	logp  []float32
	logb  []float32
	first []uint32
}

// Order returns the length of the longest n-gram.
func (m *Model) Order() int { return m.order }

// Vocab returns how many ids there are.
func (m *Model) Vocab() int { return m.vocab }

// End returns the id that closes a text.
func (m *Model) End() int32 { return m.end }

// NGrams returns how many n-grams of each order the model holds.
func (m *Model) NGrams() []int {
	n := []int{m.vocab}
	for _, l := range m.levels[1:] {
		n = append(n, len(l.ids))
	}
	return n
}

// LogProb returns log p(id | context), a natural logarithm. Of the context at
// most the last order-1 ids count, and an end id in it is the beginning of the
// text after it: to ask for the first id of a text pass the end id alone. It
// panics where an id is not in the vocabulary.
func (m *Model) LogProb(context []int32, id int32) float64 {
	var buf [MaxOrder - 1]uint32
	return m.logProb(m.history(buf[:], context), uint32(id))
}

// logProb goes from the longest context to none, until the id has followed it.
func (m *Model) logProb(h []uint32, id uint32) float64 {
	back := 0.0
	for ; len(h) > 0; h = h[1:] {
		node, ok := m.node(h)
		if !ok {
			continue
		}
		l := &m.levels[len(h)-1]
		if child, ok := m.child(len(h), node, id); ok {
			return back + float64(m.levels[len(h)].logp[child])
		}
		back += float64(l.logb[node])
	}
	return back + float64(m.levels[0].logp[:m.vocab][id])
}

// node returns where a context lies in the level of its length.
func (m *Model) node(h []uint32) (node uint32, ok bool) {
	node = h[0]
	for k, id := range h[1:] {
		if node, ok = m.child(k+1, node, id); !ok {
			return 0, false
		}
	}
	return node, true
}

// child looks for an id below a node of a level, counted from 1.
func (m *Model) child(level int, node, id uint32) (uint32, bool) {
	first := m.levels[level-1].first
	from, to := first[node], first[node+1]
	i, ok := slices.BinarySearch(m.levels[level].ids[from:to], id)
	return from + uint32(i), ok
}

// Score returns Σ log p of a stream, as Counter.Add takes it: it begins a text,
// and if the end id closes it, that is scored too.
func (m *Model) Score(ids []int32) float64 {
	var buf [MaxOrder]uint32
	h := append(buf[:0], uint32(m.vocab))
	sum := 0.0
	for _, id := range ids {
		for len(h) > m.order-1 {
			copy(h, h[1:])
			h = h[:len(h)-1]
		}
		sum += m.logProb(h, uint32(id))
		if id == m.end {
			h = append(h[:0], uint32(m.vocab))
		} else {
			h = append(h, uint32(id))
		}
	}
	return sum
}
