package finetune

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"

	"fragua/model"
)

// A Batcher lays sequences out as a batch.
type Batcher interface {
	Fill(b *model.Batch, rows []sequence, classes int)
}

// batches gives a training run its batches: every epoch all sequences once, in
// an order that seed and epoch decide. Rows of a batch are of similar lengths, so
// that little of it is padding. It is a train.Source: batch n is a function of n alone.
type batches struct {
	rows    []sequence
	size    int // rows a batch
	tokens  int // instead: tokens a batch, padding included
	seed    uint64
	classes int
	goal    Batcher
	noisy   func(row int, rng *rand.Rand) (s sequence, changed bool) // what is read of a row instead; nil: no noise
	widen   int                                                      // widths are multiples of it; 0: as they come

	epoch int64   // of order
	order []int32 // rows
	ends  []int   // of batches in order, counted from the first row
	place []int32 // place[i] is the batch that comes at i
	pick  []sequence
}

// pool is how many batches of equally many rows are sorted by length together.
const pool = 50

func (s *batches) perEpoch() int64 {
	if s.tokens == 0 {
		return int64((len(s.rows) + s.size - 1) / s.size)
	}
	if s.ends == nil {
		s.order = upTo(len(s.rows))
		byLength(s.rows, s.order)
		s.ends = cutByTokens(s.rows, s.order, s.tokens)
		s.order = nil
	}
	return int64(len(s.ends))
}

// Batch fills b with batch n.
func (s *batches) Batch(n int64, b *model.Batch) error {
	epoch, at := n/s.perEpoch(), int(n%s.perEpoch())
	if s.order == nil || s.epoch != epoch {
		s.shuffle(epoch)
	}
	k := int(s.place[at])
	from := 0
	if k > 0 {
		from = s.ends[k-1]
	}
	s.pick = s.pick[:0]
	for _, i := range s.order[from:s.ends[k]] {
		row := s.rows[i]
		if s.noisy != nil {
			if other, changed := s.noisy(int(i), rand.New(rand.NewPCG(s.seed^uint64(epoch), uint64(i)))); changed {
				row = other
			}
		}
		s.pick = append(s.pick, row)
	}
	s.goal.Fill(b, s.pick, s.classes)
	if s.widen > 0 && b.Parts != nil {
		return errors.New("too_long: whole: texts of several parts are learned on the CPU alone")
	}
	if s.widen > 0 {
		b.Widen(s.widen)
	}
	return nil
}

// shuffle lays out an epoch. Batches of equally many rows come from pools of a shuffled order.
// Batches of equally many tokens come from all rows sorted by length, those of one length in a
// new order each epoch: so every epoch has the same number of batches.
func (s *batches) shuffle(epoch int64) {
	rng := rand.New(rand.NewPCG(s.seed, uint64(epoch)))
	s.epoch, s.order = epoch, upTo(len(s.rows))
	rng.Shuffle(len(s.order), func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
	sorted := len(s.order)
	if s.tokens == 0 {
		sorted = pool * s.size
		s.ends = s.ends[:0]
		for n := range s.perEpoch() {
			s.ends = append(s.ends, min(int(n+1)*s.size, len(s.order)))
		}
	}
	for from := 0; from < len(s.order); from += sorted {
		byLength(s.rows, s.order[from:min(from+sorted, len(s.order))])
	}
	s.place = upTo(len(s.ends))
	whole := len(s.order) / max(s.size, 1) // the last batch, which may be smaller, stays the last
	if s.tokens > 0 {
		whole = len(s.ends)
	}
	rng.Shuffle(whole, func(i, j int) { s.place[i], s.place[j] = s.place[j], s.place[i] })
}

// cutByTokens returns the ends of the batches of rows in order, each of at most this many tokens with
// its padding, but of one row at least.
func cutByTokens(rows []sequence, order []int32, tokens int) (ends []int) {
	from, source, ids := 0, 0, 0
	for at, i := range order {
		source, ids = max(source, len(rows[i].source)), max(ids, len(rows[i].ids))
		if at > from && (at+1-from)*(source+ids) > tokens {
			ends = append(ends, at)
			from, source, ids = at, len(rows[i].source), len(rows[i].ids)
		}
	}
	return append(ends, len(order))
}

func upTo(n int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	return order
}

// byLength sorts indices of rows by length, equal ones as they were.
func byLength(rows []sequence, order []int32) {
	slices.SortStableFunc(order, func(i, j int32) int {
		a, b := rows[i], rows[j]
		return cmp.Or(cmp.Compare(len(a.ids), len(b.ids)), cmp.Compare(len(a.source), len(b.source)))
	})
}

// inOrder yields all rows in batches of similar lengths, for scoring: the
// indices of the rows of each batch.
func inOrder(rows []sequence, size int) [][]int32 {
	order := upTo(len(rows))
	byLength(rows, order)
	var out [][]int32
	for from := 0; from < len(order); from += size {
		out = append(out, order[from:min(from+size, len(order))])
	}
	return out
}

func pickRows(rows []sequence, at []int32) []sequence {
	out := make([]sequence, len(at))
	for i, r := range at {
		out[i] = rows[r]
	}
	return out
}

// reshape makes room in b for rows of width t, all of it padding: id 0 of document −1.
func reshape(b *model.Batch, rows, t int, targets bool) {
	n := rows * t
	b.B, b.T = rows, t
	b.IDs = append(b.IDs[:0], make([]int32, n)...)
	b.Docs = append(b.Docs[:0], make([]int32, n)...)
	for i := range b.Docs {
		b.Docs[i] = -1
	}
	b.Targets = b.Targets[:0]
	if targets {
		for range n {
			b.Targets = append(b.Targets, -1)
		}
	} else {
		b.Targets = nil
	}
	b.Labels, b.Parts, b.Norm = nil, nil, 0
}

// fillNext lays sequences out from the left: what is learned of position t is id t+1 of the same
// document.
func fillNext(b *model.Batch, rows []sequence) {
	t := 0
	for _, s := range rows {
		t = max(t, len(s.ids)-1)
	}
	reshape(b, len(rows), t, true)
	for r, s := range rows {
		n := len(s.ids) - 1
		copy(b.IDs[r*t:], s.ids[:n])
		clear(b.Docs[r*t : r*t+n])
		if s.docs != nil {
			copy(b.Docs[r*t:], s.docs[:n])
		}
		for i := range n {
			if s.learn[i+1] && (s.docs == nil || s.docs[i] == s.docs[i+1]) {
				b.Targets[r*t+i] = s.ids[i+1]
			}
		}
	}
}

// laySource lays out what the encoder reads of each row, in the memory of b if there is some; nil
// where the model has no encoder.
func laySource(b *model.Batch, rows []sequence) *model.Batch {
	t := 0
	for _, s := range rows {
		t = max(t, len(s.source))
	}
	if t == 0 {
		return nil
	}
	if b == nil {
		b = new(model.Batch)
	}
	reshape(b, len(rows), t, false)
	for r, s := range rows {
		copy(b.IDs[r*t:], s.source)
		clear(b.Docs[r*t : r*t+len(s.source)])
	}
	return b
}
