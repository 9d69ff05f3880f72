package kernel

import (
	"fmt"
	"math"
	"unsafe"

	"fragua/model/kernel/par"
)

// Weights is a matrix kept in fewer bits, for generating, where reading the weights is what
// takes the time. Rows are filled up with zeros to whole cache lines.
type Weights struct {
	rows, cols, stride int
	half               []uint16  // bfloat16, or nil
	bytes              []int8    // multiples of the row's scale, or nil
	scales             []float32 // of rows, with bytes
}

// PackBF16 rounds w (rows × cols) to bfloat16: each weight is off by at most 2⁻⁸ of itself.
func PackBF16(w []float32, rows, cols int) *Weights {
	p := newWeights(w, rows, cols, 32)
	p.half = par.ZerosOf[uint16](rows * p.stride)
	par.For(rows, rowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			for c, v := range w[r*cols : (r+1)*cols] {
				p.half[r*p.stride+place(c)] = bfloat16(v)
			}
		}
	})
	return p
}

// PackInt8 rounds w (rows × cols) to whole multiples, −127 to 127, of a scale for each row:
// each weight is off by at most 1/254 of the largest magnitude in its row.
func PackInt8(w []float32, rows, cols int) *Weights {
	p := newWeights(w, rows, cols, 64)
	p.bytes, p.scales = par.ZerosOf[int8](rows*p.stride), make([]float32, rows)
	par.For(rows, rowGrain(cols), func(lo, hi int) {
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

// place is where element c of a row of bfloat16 lies: a line of 64 bytes is 16 words, the first
// half of its elements in their lower halves, the second in the upper ones. So both are float32
// by one operation each.
func place(c int) int { return c&^31 + c%16*2 + c/16%2 }

// newWeights has room for rows filled up to a multiple of line elements.
func newWeights(w []float32, rows, cols, line int) *Weights {
	same("Weights", rows*cols, len(w))
	return &Weights{rows: rows, cols: cols, stride: (cols + line - 1) / line * line}
}

// Bytes is how much memory the weights take.
func (w *Weights) Bytes() int { return 2*len(w.half) + len(w.bytes) + 4*len(w.scales) }

// Rows writes rows ids of the matrix as float32 to dst (len(ids) × cols).
func (w *Weights) Rows(dst []float32, ids []int32) {
	same("Rows", len(ids)*w.cols, len(dst))
	row := par.GetScratch(w.stride)
	defer par.PutScratch(row)
	for i, id := range ids {
		active.widen(w, row, int(id))
		copy(dst[i*w.cols:][:w.cols], row)
	}
}

// Linear sets y (n × rows) to x (n × cols)·Wᵀ + bias (rows; nil: 0), and act, unless it is
// nil, to GELU(y). For few rows of x it reads W once, as it is; for many it unpacks W. With few, x is rounded too where W is whole
// numbers: to multiples of a scale for each row, as many as sums in 32 bits allow, which are
// 22,000 on either side of 0 for 768 columns. That is little beside what W is off by.
func (w *Weights) Linear(y, act, x, bias []float32, n int) {
	if len(y) != n*w.rows || len(x) != n*w.cols || bias != nil && len(bias) != w.rows {
		panic(fmt.Sprintf("kernel: Weights.Linear: y, x, bias of %d, %d, %d elements, for %d rows by %d×%d",
			len(y), len(x), len(bias), n, w.rows, w.cols))
	}
	if act != nil {
		same("Weights.Linear", len(y), len(act))
	}
	if n > fewRows {
		w.unpacked(y, x, n)
		if bias != nil {
			AddBias(y, bias)
		}
		if act != nil {
			GELU(act, y)
		}
		return
	}
	in := w.input(x, n)
	fewCall{y: y, act: act, bias: bias, n: n, rows: w.rows, narrow: w, in: in}.run(w.rowBytes())
	if in.memory != nil {
		par.PutScratch(in.memory)
	}
}

func (w *Weights) rowBytes() int {
	if w.half != nil {
		return 2 * w.stride
	}
	return w.stride
}

// An input is rows of x, each filled up with zeros to the stride of W.
type input struct {
	memory []float32        // that all of it lies in, but where it is x itself; or nil
	x      []float32        // with half
	whole  []int16          // with bytes: x over its scale
	scales [fewRows]float32 // of rows of x
}

func (w *Weights) input(x []float32, n int) (in input) {
	line, filled, whole := w.stride, 0, 0
	if w.cols < line {
		filled = n * line
	}
	if w.half == nil {
		whole = (n*line + 1) / 2
	}
	in.x = x
	if filled+whole == 0 {
		return in
	}
	in.memory = par.GetScratch(filled + whole)
	if filled > 0 {
		in.x = in.memory[:filled]
		for i := range n {
			row := in.x[i*line:][:line]
			clear(row[copy(row, x[i*w.cols:][:w.cols]):])
		}
	}
	if whole == 0 {
		return in
	}
	rest := in.memory[filled:]
	in.whole = unsafe.Slice((*int16)(unsafe.Pointer(&rest[0])), 2*len(rest))[:n*line]
	most := float32(min(math.MaxInt16, math.MaxInt32/(127*w.cols))) // no sum overflows
	for i := range n {
		row := in.x[i*line:][:line]
		whole, scale := in.whole[i*line:][:line], active.highest(row)/most
		switch {
		case scale < 0x1p-126: // its inverse may be no number
			in.scales[i] = 0
			clear(whole)
		case scale <= math.MaxFloat32:
			in.scales[i] = scale
			active.quantize(whole, row, 1/scale)
		default: // what is infinite or no number makes all of y no number
			in.scales[i] = float32(math.NaN())
			clear(whole)
		}
	}
	return in
}

// unpacked is the product by Gemm, some rows of W at a time.
func (w *Weights) unpacked(y, x []float32, n int) {
	const most = 4 << 20 // elements widened at once
	block := min(w.rows, max(64, most/max(1, w.stride)))
	full := par.GetScratch(block * w.stride)
	defer par.PutScratch(full)
	for r0 := 0; r0 < w.rows; r0 += block {
		rows := min(block, w.rows-r0)
		par.For(rows, rowGrain(w.stride), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				active.widen(w, full[r*w.stride:][:w.stride], r0+r)
			}
		})
		Gemm(NT, n, rows, w.cols, x, w.cols, full[:rows*w.stride], w.stride, y[r0:], w.rows, false, false)
	}
}

// widenPlain writes row r as float32, with what it is filled up with.
func widenPlain(w *Weights, dst []float32, r int) {
	at := r * w.stride
	if w.half != nil {
		for c := range dst[:w.stride] {
			dst[c] = math.Float32frombits(uint32(w.half[at+place(c)]) << 16)
		}
		return
	}
	for c, b := range w.bytes[at:][:w.stride] {
		dst[c] = w.scales[r] * float32(b)
	}
}

// highestPlain is the largest magnitude; of bits, by which a NaN is above all numbers.
func highestPlain(x []float32) float32 {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(top)
}

// quantizePlain sets dst to x·by, rounded to even, which fits into 16 bits.
func quantizePlain(dst []int16, x []float32, by float32) {
	for i, v := range x {
		dst[i] = int16(math.RoundToEven(float64(v * by)))
	}
}

// narrowPlain sets columns [lo, hi) of y to x·Wᵀ, before scales.
func narrowPlain(w *Weights, y []float32, in *input, n, lo, hi int) {
	for i := range n {
		for r := lo; r < hi; r++ {
			from, at := i*w.stride, r*w.stride
			if w.half != nil {
				sum := float32(0)
				for c, v := range in.x[from:][:w.cols] {
					sum += float32(v * math.Float32frombits(uint32(w.half[at+place(c)])<<16))
				}
				y[i*w.rows+r] = sum
				continue
			}
			sum := int32(0)
			for c, b := range w.bytes[at:][:w.cols] {
				sum += int32(in.whole[from+c]) * int32(b)
			}
			y[i*w.rows+r] = float32(sum)
		}
	}
}
