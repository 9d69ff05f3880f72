//go:build amd64 && !purego

package kernel

// A narrowKernel is a dotKernel on weights of fewer bits.
type narrowKernel[W uint16 | int8] func(n int, x *float32, lda int, w *W, ldb int, c *float32, ldc int, acc int)

// narrowASM are the kernels by [rows of x][0: one row of weights, 1: four].
type narrowASM struct {
	half  [][2]narrowKernel[uint16]
	bytes [][2]narrowKernel[int8]
}

func (s *narrowASM) narrow(w *Weights, y, x []float32, n, lo, hi int) {
	if w.half != nil {
		narrowRows(s.half, w, w.half, y, x, n, lo, hi)
	} else {
		narrowRows(s.bytes, w, w.bytes, y, x, n, lo, hi)
	}
}

func narrowRows[W uint16 | int8](kernels [][2]narrowKernel[W], w *Weights, data []W, y, x []float32, n, lo, hi int) {
	most := len(kernels) - 1
	for r := lo; r < hi; {
		columns, four := 1, 0
		if hi-r >= 4 {
			columns, four = 4, 1
		}
		for i := 0; i < n; i += most {
			rows := min(most, n-i)
			kernels[rows][four](w.cols, &x[i*w.cols], w.cols, &data[r*w.stride], w.stride, &y[i*w.rows+r], w.rows, 0)
		}
		r += columns
	}
}
