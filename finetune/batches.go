package finetune

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"fragua/model"
)

// A Batcher lays sequences out as a batch.
type Batcher interface {
	Fill(b *model.Batch, rows []sequence, classes int)
}

// batches gives a training run its batches: every epoch all sequences once, in
// an order that seed and epoch decide. Within a pool of batches rows are sorted
// by length, so that little of a batch is padding; then the batches are
// shuffled. It is a train.Source: batch n is a function of n alone.
type batches struct {
	rows    []sequence
	size    int // rows a batch
	seed    uint64
	classes int
	goal    Batcher

	epoch int64 // of order
	order []int32
	pick  []sequence
}

// pool is how many batches are sorted by length together.
const pool = 50

func (s *batches) perEpoch() int64 { return int64((len(s.rows) + s.size - 1) / s.size) }

// Batch fills b with batch n.
func (s *batches) Batch(n int64, b *model.Batch) error {
	epoch, at := n/s.perEpoch(), int(n%s.perEpoch())
	if s.order == nil || s.epoch != epoch {
		s.shuffle(epoch)
	}
	s.pick = s.pick[:0]
	for _, i := range s.order[at*s.size : min((at+1)*s.size, len(s.order))] {
		s.pick = append(s.pick, s.rows[i])
	}
	s.goal.Fill(b, s.pick, s.classes)
	return nil
}

func (s *batches) shuffle(epoch int64) {
	rng := rand.New(rand.NewPCG(s.seed, uint64(epoch)))
	s.epoch, s.order = epoch, s.order[:0]
	for i := range s.rows {
		s.order = append(s.order, int32(i))
	}
	rng.Shuffle(len(s.order), func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
	for from := 0; from < len(s.order); from += pool * s.size {
		byLength(s.rows, s.order[from:min(from+pool*s.size, len(s.order))])
	}
	// Shuffle whole batches; the last, which may be smaller, stays the last.
	whole := len(s.order) / s.size
	tmp := make([]int32, s.size)
	rng.Shuffle(whole, func(i, j int) {
		a, b := s.order[i*s.size:(i+1)*s.size], s.order[j*s.size:(j+1)*s.size]
		copy(tmp, a)
		copy(a, b)
		copy(b, tmp)
	})
}

// byLength sorts indices of rows by length, equal ones as they were.
func byLength(rows []sequence, order []int32) {
	slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(len(rows[i].ids), len(rows[j].ids)) })
}

// inOrder yields all rows in batches of similar lengths, for scoring: the
// indices of the rows of each batch.
func inOrder(rows []sequence, size int) [][]int32 {
	order := make([]int32, len(rows))
	for i := range order {
		order[i] = int32(i)
	}
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

// lay makes room in b for rows of width t, all of it padding: id 0 of document −1.
func lay(b *model.Batch, rows, t int, targets bool) {
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
	b.Labels = nil
}
