package embed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// A pair says how near two words stand, summed over a text: n grows by window+1−d where they are d
// words apart. row ≥ col, as nearness has no direction.
type pair struct {
	row, col uint32
	n        uint64
}

func (p pair) key() uint64 { return uint64(p.row)<<32 | uint64(p.col) }

// pairCounter counts pairs in memory that grows with the distinct ones alone: raw pairs are
// gathered, sorted and added up, and runs of like length are merged.
type pairCounter struct {
	window int
	raw    []uint64 // row, col and weight: 28, 28 and 8 bits
	runs   [][]pair // sorted, each longer than the next
}

const (
	mostWords  = 1 << 28
	mostWindow = 255
	gathered   = 1 << 22 // raw pairs
)

// add counts the pairs of a text of words; ids of words outside the vocabulary are −1 and stand
// between their neighbours without a pair of their own.
func (c *pairCounter) add(ids []int32) {
	for i, a := range ids {
		if a < 0 {
			continue
		}
		for d := 1; d <= min(c.window, i); d++ {
			if b := ids[i-d]; b >= 0 {
				row, col := uint64(max(a, b)), uint64(min(a, b))
				c.raw = append(c.raw, row<<36|col<<8|uint64(c.window+1-d))
			}
		}
		if len(c.raw) >= gathered {
			c.gather()
		}
	}
}

// gather turns the raw pairs into a run.
func (c *pairCounter) gather() {
	slices.Sort(c.raw)
	var run []pair
	for _, r := range c.raw {
		p := pair{uint32(r >> 36), uint32(r>>8) & (mostWords - 1), r & 0xff}
		if k := len(run); k > 0 && run[k-1].key() == p.key() {
			run[k-1].n += p.n
		} else {
			run = append(run, p)
		}
	}
	c.raw = c.raw[:0]
	c.push(run)
}

// push adds a sorted run, and merges it with those that are not much longer.
func (c *pairCounter) push(run []pair) {
	for k := len(c.runs); k > 0 && len(c.runs[k-1]) < 2*len(run); k-- {
		run = merge(c.runs[k-1], run)
		c.runs = c.runs[:k-1]
	}
	c.runs = append(c.runs, run)
}

// pairs returns all pairs, sorted by row and column.
func (c *pairCounter) pairs() []pair {
	if len(c.raw) > 0 {
		c.gather()
	}
	for len(c.runs) > 1 {
		k := len(c.runs)
		c.runs = append(c.runs[:k-2], merge(c.runs[k-2], c.runs[k-1]))
	}
	if len(c.runs) == 0 {
		return nil
	}
	return c.runs[0]
}

func merge(a, b []pair) []pair {
	out := make([]pair, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch x, y := a[0].key(), b[0].key(); {
		case x < y:
			out, a = append(out, a[0]), a[1:]
		case y < x:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, pair{a[0].row, a[0].col, a[0].n + b[0].n}), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// writePairs writes sorted pairs: of each the distance of its key from the one before, and n.
func writePairs(w io.Writer, pairs []pair) error {
	b := bufio.NewWriterSize(w, 1<<16)
	last := uint64(0)
	for _, p := range pairs {
		line := binary.AppendUvarint(b.AvailableBuffer(), p.key()-last)
		b.Write(binary.AppendUvarint(line, p.n))
		last = p.key()
	}
	return b.Flush()
}

// readPairs reads what writePairs wrote.
func readPairs(r io.Reader) (pairs []pair, err error) {
	b := bufio.NewReaderSize(r, 1<<16)
	last := uint64(0)
	for {
		step, err := binary.ReadUvarint(b)
		if errors.Is(err, io.EOF) {
			return pairs, nil
		}
		if err != nil {
			return nil, err
		}
		n, err := binary.ReadUvarint(b)
		if err != nil {
			return nil, errors.Join(err, errors.New("the file ends within a pair"))
		}
		last += step
		pairs = append(pairs, pair{uint32(last >> 32), uint32(last), n})
	}
}
