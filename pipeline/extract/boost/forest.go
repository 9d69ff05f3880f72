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

// A split sends a row to the next node where its feature is at most limit, and to
// node right elsewhere. right 0 marks a leaf, whose value is limit.
type split struct {
	feature int16
	limit   int16
	right   int32
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

// logits adds up the trees, tree by tree, so that each is read once while it is in
// the cache.
func (f *Forest) logits(rows []int16, width int, out []int32) {
	for i := range out {
		out[i] = f.bias
	}
	for _, root := range f.roots {
		for i := range out {
			row := rows[i*width : (i+1)*width]
			n := root
			for {
				s := &f.nodes[n]
				if s.right == 0 {
					out[i] += int32(s.limit)
					break
				}
				if row[s.feature] <= s.limit {
					n++
				} else {
					n = s.right
				}
			}
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
			if s.right == 0 {
				b = append(b, 255)
				b = endian.LittleEndian.AppendUint16(b, uint16(s.limit))
				continue
			}
			b = append(b, byte(s.feature))
			b = endian.LittleEndian.AppendUint16(b, uint16(s.limit))
			b = append(b, byte(s.right-n))
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
			s := split{feature: int16(b[0]), limit: int16(endian.LittleEndian.Uint16(b[1:]))}
			if b[0] == 255 {
				b = b[3:]
			} else {
				s.right = int32(len(f.nodes)) + int32(b[3])
				if int(s.feature) >= width || b[3] < 2 || s.right >= root+int32(count) {
					return f, nil, errDamaged
				}
				b = b[4:]
			}
			f.nodes = append(f.nodes, s)
		}
	}
	return f, b, nil
}
