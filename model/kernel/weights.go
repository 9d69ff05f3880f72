package kernel

import (
	"fmt"
	"math"
)

// Weights is a matrix kept in fewer bits, for generating, where reading the weights is what
// takes the time. Rows are filled up with zeros to a multiple of 16 elements.
type Weights struct {
	rows, cols, stride int
	half               []uint16  // bfloat16, or nil
	bytes              []int8    // multiples of the row's scale, or nil
	scales             []float32 // of rows, with bytes
}

// PackBF16 rounds w (rows × cols) to bfloat16: each weight is off by at most 2⁻⁸ of itself.
func PackBF16(w []float32, rows, cols int) *Weights {
	p := newWeights(w, rows, cols)
	p.half = make([]uint16, rows*p.stride)
	Parallel(rows, rowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			for c, v := range w[r*cols : (r+1)*cols] {
				p.half[r*p.stride+c] = bfloat16(v)
			}
		}
	})
	return p
}

// PackInt8 rounds w (rows × cols) to whole multiples, −127 to 127, of a scale for each row:
// each weight is off by at most 1/254 of the largest magnitude in its row.
func PackInt8(w []float32, rows, cols int) *Weights {
	p := newWeights(w, rows, cols)
	p.bytes, p.scales = make([]int8, rows*p.stride), make([]float32, rows)
	Parallel(rows, rowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := w[r*cols : (r+1)*cols]
			top := float32(0)
			for _, v := range row {
				top = max(top, float32(math.Abs(float64(v))))
			}
			if top == 0 {
				continue
			}
			p.scales[r] = top / 127
			for c, v := range row {
				p.bytes[r*p.stride+c] = int8(math.RoundToEven(float64(v / p.scales[r])))
			}
		}
	})
	return p
}

func newWeights(w []float32, rows, cols int) *Weights {
	same("Weights", rows*cols, len(w))
	return &Weights{rows: rows, cols: cols, stride: (cols + 15) / 16 * 16}
}

// Bytes is how much memory the weights take.
func (w *Weights) Bytes() int { return 2*len(w.half) + len(w.bytes) + 4*len(w.scales) }

// Row writes row r as float32 to dst (cols).
func (w *Weights) Row(dst []float32, r int) {
	same("Row", w.cols, len(dst))
	at := r * w.stride
	if w.half != nil {
		for c, h := range w.half[at : at+w.cols] {
			dst[c] = math.Float32frombits(uint32(h) << 16)
		}
		return
	}
	for c, b := range w.bytes[at : at+w.cols] {
		dst[c] = w.scales[r] * float32(b)
	}
}

// Linear sets y (n × rows) = x (n × cols)·Wᵀ + bias (rows; nil: 0). For few rows of x it
// reads W once, as it is; for many it unpacks W.
func (w *Weights) Linear(y, x, bias []float32, n int) {
	if len(y) != n*w.rows || len(x) != n*w.cols || bias != nil && len(bias) != w.rows {
		panic(fmt.Sprintf("kernel: Weights.Linear: y, x, bias of %d, %d, %d elements, for %d rows by %d×%d",
			len(y), len(x), len(bias), n, w.rows, w.cols))
	}
	if n > fewRows {
		w.unpacked(y, x, bias, n)
		return
	}
	Parallel(w.rows, max(4, 2*grain/w.stride/4*4), func(lo, hi int) {
		active.narrow(w, y, x, n, lo, hi)
		for i := range n {
			row := y[i*w.rows+lo : i*w.rows+hi]
			if w.scales != nil {
				active.mul(row, row, w.scales[lo:hi])
			}
			if bias != nil {
				active.addTo(row, bias[lo:hi])
			}
		}
	})
}

// unpacked is Linear by Gemm, some rows of W at a time.
func (w *Weights) unpacked(y, x, bias []float32, n int) {
	block := min(w.rows, max(64, packedMost/w.cols))
	full := borrow(block * w.cols)
	defer giveBack(full)
	for r0 := 0; r0 < w.rows; r0 += block {
		rows := min(block, w.rows-r0)
		Parallel(rows, rowGrain(w.cols), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				w.Row(full[r*w.cols:(r+1)*w.cols], r0+r)
			}
		})
		Gemm(NT, n, rows, w.cols, x, w.cols, full[:rows*w.cols], w.cols, y[r0:], w.rows, false)
	}
	if bias != nil {
		AddBias(y, bias)
	}
}

// narrowPlain sets columns [lo, hi) of y to x·Wᵀ, before scales.
func narrowPlain(w *Weights, y, x []float32, n, lo, hi int) {
	for i := range n {
		for r := lo; r < hi; r++ {
			sum := float32(0)
			for c, v := range x[i*w.cols : (i+1)*w.cols] {
				if w.half != nil {
					sum += float32(v * math.Float32frombits(uint32(w.half[r*w.stride+c])<<16))
				} else {
					sum += float32(v * float32(w.bytes[r*w.stride+c]))
				}
			}
			y[i*w.rows+r] = sum
		}
	}
}
