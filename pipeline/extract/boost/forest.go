// Package boost holds gradient-boosted regression trees over integer features, and
// trains them. Features, limits and leaves are integers, so a forest gives the same
// answer on every CPU.
//
// Training follows LightGBM (Ke et al., 2017): histograms of quantile bins, the leaf
// with the greatest gain is split first, each tree sees a share of the rows and of the
// features. The loss is logistic, with labels between 0 and 1.
package boost

import (
	endian "encoding/binary"
	"errors"
	"math"
)

// A Forest is a sum of regression trees. Leaves are in 1/1024 of a logit.
type Forest struct {
	bias  int32
	nodes []split
	roots []int32
}

// A split sends a row left places on where its feature is at most limit, and right
// places on elsewhere. Both are 0 for a leaf, whose value is limit, so that a row which
// has come to one stays there.
type split struct {
	feature, left, right uint8
	limit                int16
}

// Probabilities returns the probability of each row, in thousandths. A row has width
// features.
func (f *Forest) Probabilities(rows []int16, width int) []int {
	logits := make([]int32, len(rows)/width)
	f.logits(rows, width, logits)
	out := make([]int, len(logits))
	for i, l := range logits {
		out[i] = int(sigmoid[min(max(l/64+128, 0), 256)])
	}
	return out
}

// logits adds up the trees, a few rows at a time so that they stay in the cache.
func (f *Forest) logits(rows []int16, width int, out []int32) {
	for len(out) >= lanes {
		f.lanes(rows[:lanes*width], width, (*[lanes]int32)(out))
		rows, out = rows[lanes*width:], out[lanes:]
	}
	for i := range out {
		row := rows[i*width : (i+1)*width]
		out[i] = f.bias
		for _, n := range f.roots {
			s := f.nodes[n]
			for s.left != 0 {
				n += s.step(row[s.feature])
				s = f.nodes[n]
			}
			out[i] += int32(s.limit)
		}
	}
}

func (s split) step(value int16) int32 {
	step, right := int32(s.left), int32(s.right) // of a size that the compiler moves without a branch
	if value > s.limit {
		step = right
	}
	return step
}

// lanes is how many rows walk down a tree side by side: which way a row goes cannot be
// predicted, but one row's steps need not wait for another's.
const lanes = 8

func (f *Forest) lanes(rows []int16, width int, out *[lanes]int32) {
	for i := range out {
		out[i] = f.bias
	}
	nodes := f.nodes
	for _, root := range f.roots {
		var at [lanes]int32
		for i := range at {
			at[i] = root
		}
		for moved := int32(1); moved != 0; {
			moved = 0
			for i := range at {
				s := nodes[at[i]]
				step := s.step(rows[i*width+int(s.feature)])
				at[i] += step
				moved |= step
			}
		}
		for i := range at {
			out[i] += int32(nodes[at[i]].limit)
		}
	}
}

// sigmoid holds the logistic function in thousandths from -8 to 8 in steps of 1/16.
var sigmoid = func() (table [257]int16) {
	for i := range table {
		table[i] = int16(math.Round(1000 / (1 + math.Exp(-float64(i-128)/16))))
	}
	return table
}()

// Append writes a forest: bias, number of trees; for each tree its number of
// nodes; for each node its feature (255: a leaf) and limit, and for splits how far
// right lies. Trees have at most 255 nodes and features are at most 254.
func (f *Forest) Append(b []byte) []byte {
	b = endian.LittleEndian.AppendUint32(b, uint32(f.bias))
	b = endian.LittleEndian.AppendUint16(b, uint16(len(f.roots)))
	for t, root := range f.roots {
		end := int32(len(f.nodes))
		if t+1 < len(f.roots) {
			end = f.roots[t+1]
		}
		b = append(b, byte(end-root))
		for n := root; n < end; n++ {
			s := f.nodes[n]
			if s.left == 0 {
				b = append(b, 255)
				b = endian.LittleEndian.AppendUint16(b, uint16(s.limit))
				continue
			}
			b = append(b, s.feature)
			b = endian.LittleEndian.AppendUint16(b, uint16(s.limit))
			b = append(b, s.right)
		}
	}
	return b
}

var errDamaged = errors.New("the bytes are no forest")

// Read reads what Append wrote, for rows of width features, and returns what follows it.
func Read(b []byte, width int) (f Forest, rest []byte, err error) {
	if len(b) < 6 {
		return f, nil, errDamaged
	}
	f.bias = int32(endian.LittleEndian.Uint32(b))
	trees := int(endian.LittleEndian.Uint16(b[4:]))
	b = b[6:]
	for range trees {
		if len(b) < 1 || b[0] == 0 {
			return f, nil, errDamaged
		}
		count := int(b[0])
		b = b[1:]
		root := int32(len(f.nodes))
		f.roots = append(f.roots, root)
		for range count {
			if len(b) < 4 && (len(b) < 3 || b[0] != 255) {
				return f, nil, errDamaged
			}
			s := split{limit: int16(endian.LittleEndian.Uint16(b[1:]))}
			if b[0] == 255 {
				b = b[3:]
			} else {
				s.feature, s.left, s.right = b[0], 1, b[3]
				if int(s.feature) >= width || s.right < 2 || int32(len(f.nodes))+int32(s.right) >= root+int32(count) {
					return f, nil, errDamaged
				}
				b = b[4:]
			}
			f.nodes = append(f.nodes, s)
		}
	}
	return f, b, nil
}
