package gemm

import (
	"fmt"
	"math"
	"unsafe"

	"fragua/model/kernel/par"
)

// A Quantized is a weight matrix in bfloat16 or int8, for generating, where reading the weights
// takes the time. Rows are padded with zeros to whole cache lines.
type Quantized struct {
	rows, cols, stride int
	half               []uint16  // bfloat16, in the order of bf16Place; or nil
	bytes              []int8    // multiples of the row's scale; or nil
	scales             []float32 // of rows, with bytes
}

// PackBF16 rounds w (rows × cols) to bfloat16: each weight is off by at most 2⁻⁸ of itself.
func PackBF16(w []float32, rows, cols int) *Quantized {
	q := newQuantized(w, rows, cols, 32)
	q.half = par.ZerosOf[uint16](rows * q.stride)
	par.For(rows, par.RowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			for c, v := range w[r*cols : (r+1)*cols] {
				q.half[r*q.stride+bf16Place(c)] = toBF16(v)
			}
		}
	})
	return q
}

// PackInt8 rounds w (rows × cols) to whole multiples, −127 to 127, of a scale for each row: each
// weight is off by at most 1/254 of the largest magnitude in its row.
func PackInt8(w []float32, rows, cols int) *Quantized {
	q := newQuantized(w, rows, cols, 64)
	q.bytes, q.scales = par.ZerosOf[int8](rows*q.stride), make([]float32, rows)
	par.For(rows, par.RowGrain(cols), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row := w[r*cols : (r+1)*cols]
			largest := float32(0)
			for _, v := range row {
				largest = max(largest, float32(math.Abs(float64(v))))
			}
			if largest == 0 {
				continue
			}
			q.scales[r] = largest / 127
			for c, v := range row {
				q.bytes[r*q.stride+c] = int8(math.RoundToEven(float64(v / q.scales[r])))
			}
		}
	})
	return q
}

// bf16Place is where element c of a row of bfloat16 lies. A cache line is 16 words: the low halves
// are its first 16 elements, the high halves the others, so that one operation widens either.
func bf16Place(c int) int { return c&^31 + c%16*2 + c/16%2 }

// newQuantized pads rows to a multiple of line elements.
func newQuantized(w []float32, rows, cols, line int) *Quantized {
	if len(w) != rows*cols {
		panic(fmt.Sprintf("gemm: quantized weights: %d elements are not %d rows of %d", len(w), rows, cols))
	}
	return &Quantized{rows: rows, cols: cols, stride: (cols + line - 1) / line * line}
}

// Shape returns the rows and columns of the matrix.
func (q *Quantized) Shape() (rows, cols int) { return q.rows, q.cols }

// Int8 returns the whole multiples of a matrix in int8, row-major without padding, and the scales of
// its rows; nil if it is in bfloat16.
func (q *Quantized) Int8() (multiples []int8, scales []float32) {
	if q.bytes == nil {
		return nil, nil
	}
	multiples = make([]int8, 0, q.rows*q.cols)
	for r := range q.rows {
		multiples = append(multiples, q.bytes[r*q.stride:][:q.cols]...)
	}
	return multiples, q.scales
}

// FromInt8 makes a matrix of what Int8 returned; neither slice may be changed from then on.
func FromInt8(multiples []int8, scales []float32, rows, cols int) *Quantized {
	if len(multiples) != rows*cols || len(scales) != rows {
		panic(fmt.Sprintf("gemm: FromInt8: %d elements and %d scales for %d rows of %d", len(multiples), len(scales), rows, cols))
	}
	q := &Quantized{rows: rows, cols: cols, stride: (cols + 63) / 64 * 64, scales: scales}
	q.bytes = par.ZerosOf[int8](rows * q.stride)
	for r := range rows {
		copy(q.bytes[r*q.stride:], multiples[r*cols:][:cols])
	}
	return q
}

// Rows is a matrix of some of the rows, in the order of ids.
func (q *Quantized) Rows(ids []int32) *Quantized {
	some := &Quantized{rows: len(ids), cols: q.cols, stride: q.stride}
	for _, id := range ids {
		from, to := int(id)*q.stride, (int(id)+1)*q.stride
		if q.half != nil {
			some.half = append(some.half, q.half[from:to]...)
			continue
		}
		some.bytes, some.scales = append(some.bytes, q.bytes[from:to]...), append(some.scales, q.scales[id])
	}
	return some
}

// Bytes is how much memory the weights take.
func (q *Quantized) Bytes() int { return 2*len(q.half) + len(q.bytes) + 4*len(q.scales) }

// rowBytes is how much memory a row takes.
func (q *Quantized) rowBytes() int {
	if q.half != nil {
		return 2 * q.stride
	}
	return q.stride
}

// QuantizedRows writes rows ids of q as float32 to dst (len(ids) × cols).
func (t *Kernels) QuantizedRows(dst []float32, q *Quantized, ids []int32) {
	if len(dst) != len(ids)*q.cols {
		panic(fmt.Sprintf("gemm: QuantizedRows: %d elements for %d rows of %d", len(dst), len(ids), q.cols))
	}
	row := par.GetScratch(q.stride)
	defer par.PutScratch(row)
	for i, id := range ids {
		t.skinny.widen(q, row, int(id))
		copy(dst[i*q.cols:][:q.cols], row)
	}
}

// MulQuantized sets y (m × rows) to x (m × cols)·Wᵀ and applies the epilogue. If W is int8, each row of
// x is rounded, too, to multiples of a scale: as many as sums of 32 bits allow, which are 22,000 on
// either side of 0 for 768 columns, so that this error is small beside that of W. Few rows of x are
// multiplied with bfloat16 as it is; for more, W is widened first.
func (t *Kernels) MulQuantized(y, x []float32, q *Quantized, m int, e Epilogue) {
	if len(y) != m*q.rows || len(x) != m*q.cols {
		panic(fmt.Sprintf("gemm: MulQuantized: y and x of %d and %d elements, for %d rows by weights of %d×%d",
			len(y), len(x), m, q.rows, q.cols))
	}
	e.ldc = q.rows
	if q.half != nil && m > SkinnyRows {
		t.mulWidened(y, x, q, m, &e)
		return
	}
	in := t.input(q, x, m)
	quantizedCalls.Run(q.rows, skinnyGrain(m, q.rows, q.rowBytes()), quantizedCall{t, q, y, in, m, e})
	if in.memory != nil {
		par.PutScratch(in.memory)
	}
}

type quantizedCall struct {
	table    *Kernels
	w        *Quantized
	y        []float32
	in       input
	m        int
	epilogue Epilogue
}

var quantizedCalls par.CallPool[quantizedCall, *quantizedCall]

// quantizedBlock is how many elements of x stay in the cache until they are multiplied with all weights
// of a chunk.
const quantizedBlock = 3 << 17

// Chunk computes columns [lo, hi) of y, for some rows of x after the other.
func (c *quantizedCall) Chunk(lo, hi int) {
	rows := max(64, quantizedBlock/max(1, c.w.stride))
	blocks := (c.m + rows - 1) / rows // of equally many rows
	for b := range blocks {
		c.block(b*c.m/blocks, (b+1)*c.m/blocks, lo, hi)
	}
}

// block computes rows [i0, i1) of the chunk.
func (c *quantizedCall) block(i0, i1, lo, hi int) {
	w, skinny, y := c.w, c.table.skinny, c.y[i0*c.w.rows+lo:]
	switch {
	case w.cols == 0:
		for i := range i1 - i0 {
			clear(y[i*w.rows:][:hi-lo])
		}
	case w.half != nil:
		skinny.bf16(skinnyArgs[float32, uint16]{m: i1 - i0, n: hi - lo, k: w.stride, x: c.in.x[i0*w.stride:], ldx: w.stride,
			w: w.half[lo*w.stride:], ldw: w.stride, c: y, ldc: w.rows})
	default:
		skinny.int8(skinnyArgs[int16, int8]{m: i1 - i0, n: hi - lo, k: w.stride, x: c.in.whole[i0*w.stride:], ldx: w.stride,
			w: w.bytes[lo*w.stride:], ldw: w.stride, c: y, ldc: w.rows})
	}
	for i := range i1 - i0 {
		row := y[i*w.rows:][:hi-lo]
		if w.scales != nil {
			skinny.dequantize(row, w.scales[lo:hi], c.in.scales[i0+i])
		}
		if c.epilogue.Row != nil {
			c.epilogue.Row(&c.epilogue, row, i0+i, lo)
		}
	}
}

// An input is rows of x, each padded with zeros to the stride of W.
type input struct {
	memory []float32 // what all of it lies in, but x itself; or nil
	x      []float32 // with bfloat16
	whole  []int16   // with int8: x over its scale
	scales []float32 // with int8: of rows of x
}

func (t *Kernels) input(q *Quantized, x []float32, m int) (in input) {
	line, padded, whole := q.stride, 0, 0
	if q.cols < line {
		padded = m * line
	}
	if q.half == nil {
		whole = (m*line + 1) / 2
	}
	in.x = x
	if padded+whole == 0 {
		return in
	}
	in.memory = par.GetScratch(padded + whole + m)
	if padded > 0 {
		in.x = in.memory[:padded]
		for i := range m {
			row := in.x[i*line:][:line]
			clear(row[copy(row, x[i*q.cols:][:q.cols]):])
		}
	}
	if whole == 0 {
		return in
	}
	rest := in.memory[padded:][:whole]
	in.whole, in.scales = unsafe.Slice((*int16)(unsafe.Pointer(&rest[0])), 2*len(rest))[:m*line], in.memory[padded+whole:]
	most := float32(min(math.MaxInt16, math.MaxInt32/(127*q.cols))) // no sum overflows
	rowsToRound.Run(m, par.RowGrain(line), roundRows{t.skinny, in, m, line, most})
	return in
}

// roundRows brings rows of x to whole numbers of at most so large a magnitude.
type roundRows struct {
	skinny skinnyKernels
	in     input
	m      int // rows in all
	line   int
	most   float32
}

var rowsToRound par.CallPool[roundRows, *roundRows]

func (c *roundRows) Chunk(lo, hi int) {
	for i := lo; i < hi; i++ {
		row := c.in.x[i*c.line:][:c.line]
		whole, scale := c.in.whole[i*c.line:][:c.line], c.skinny.maxAbs(row)/c.most
		switch {
		case scale < 0x1p-126: // its inverse may overflow
			c.in.scales[i] = 0
			clear(whole)
		case scale <= math.MaxFloat32:
			c.in.scales[i] = scale
			c.skinny.quantize(whole, row, 1/scale)
			c.skinny.arrange(whole, c.m)
		default: // an infinity or NaN in x makes all of y NaN
			c.in.scales[i] = float32(math.NaN())
			clear(whole)
		}
	}
}

// mulWidened multiplies by Mul with some rows of W, in bfloat16, at a time, as float32.
func (t *Kernels) mulWidened(y, x []float32, q *Quantized, m int, e *Epilogue) {
	const most = 4 << 20 // elements widened at once
	block := min(q.rows, max(64, most/max(1, q.stride)))
	wide := par.GetScratch(block * q.stride)
	defer par.PutScratch(wide)
	for r0 := 0; r0 < q.rows; r0 += block {
		rows := min(block, q.rows-r0)
		par.For(rows, par.RowGrain(q.stride), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				t.skinny.widen(q, wide[r*q.stride:][:q.stride], r0+r)
			}
		})
		part := *e // of columns r0 and on
		if part.Bias != nil {
			part.Bias = part.Bias[r0:]
		}
		for i, side := range part.Side {
			if side != nil {
				part.Side[i] = side[r0:]
			}
		}
		t.Mul(Args{Op: NT, M: m, N: rows, K: q.cols, A: x, LDA: q.cols, B: wide[:rows*q.stride], LDB: q.stride,
			C: y[r0:], LDC: q.rows}, part)
	}
}

// widen writes row r as float32, padding included.
func (plainSkinny) widen(q *Quantized, dst []float32, r int) {
	at := r * q.stride
	if q.half != nil {
		for c := range dst[:q.stride] {
			dst[c] = fromBF16(q.half[at+bf16Place(c)])
		}
		return
	}
	for c, b := range q.bytes[at:][:q.stride] {
		dst[c] = q.scales[r] * float32(b)
	}
}

// maxAbs compares bits, by which a NaN is above all numbers.
func (plainSkinny) maxAbs(x []float32) float32 {
	largest := uint32(0)
	for _, v := range x {
		largest = max(largest, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(largest)
}

// quantize rounds to even; the results fit into 16 bits.
func (plainSkinny) quantize(dst []int16, x []float32, factor float32) {
	for i, v := range x {
		dst[i] = int16(math.RoundToEven(float64(v * factor)))
	}
}

func (plainSkinny) arrange([]int16, int) {}

func (plainSkinny) dequantize(x, scales []float32, scale float32) {
	for i, s := range scales {
		x[i] = float32(x[i]*s) * scale
	}
}
