package ngram

import (
	"math"
	"slices"
)

// A Match is how much of a context the model has seen.
type Match struct {
	Length    int     // ids of the longest end of the context that something followed, the beginning of a text counted as one
	Followers int     // how many different ids followed it
	LogBack   float64 // natural logarithm of the probability left to shorter contexts; 0 for Length 0
}

// history writes a context as nodes, at most the last order-1, oldest first.
func (m *Model) history(buf []uint32, context []int32) []uint32 {
	h := buf[:0]
	for i := len(context) - 1; i >= 0 && len(h) < m.order-1; i-- {
		if context[i] == m.end {
			h = append(h, uint32(m.vocab))
			break
		}
		h = append(h, uint32(context[i]))
	}
	slices.Reverse(h)
	return h
}

// Match looks a context up, as LogProb takes it.
func (m *Model) Match(context []int32) Match {
	var buf [MaxOrder - 1]uint32
	for h := m.history(buf[:], context); len(h) > 0; h = h[1:] {
		if node, ok := m.node(h); ok {
			l := &m.levels[len(h)-1]
			if n := l.first[node+1] - l.first[node]; n > 0 {
				return Match{len(h), int(n), float64(l.logb[node])}
			}
		}
	}
	return Match{Followers: m.vocab}
}

// Distribution fills p, of as many numbers as the vocabulary has ids, with the
// probabilities of all ids after a context, as LogProb takes it.
func (m *Model) Distribution(p []float64, context []int32) {
	for id, logp := range m.levels[0].logp[:m.vocab] {
		p[id] = math.Exp(float64(logp))
	}
	var buf [MaxOrder - 1]uint32
	h := m.history(buf[:], context)
	for n := 1; n <= len(h); n++ {
		end := h[len(h)-n:]
		node, ok := m.node(end)
		if !ok {
			continue // a longer context may still be known only if this one is; it is not
		}
		l, children := &m.levels[n-1], &m.levels[n]
		back := math.Exp(float64(l.logb[node]))
		for id := range p {
			p[id] *= back
		}
		for i := l.first[node]; i < l.first[node+1]; i++ {
			p[children.ids[i]] = math.Exp(float64(children.logp[i]))
		}
	}
}
