package kernel

// Linear layers with what comes before or behind them, done while rows are in the cache. bf16
// is the precision of GemmBF16.

// LinearAdd sets y (rows × out) to x (rows × in)·wᵀ + bias + more (rows × out), as Linear
// would followed by AddTo. A nil bias is 0. y may not overlap more.
func LinearAdd(y, more, x, w, bias []float32, rows, out, in int, bf16 bool) {
	if bias != nil {
		same("LinearAdd", out, len(bias))
	}
	same("LinearAdd", len(y), len(more))
	level := active
	after := epilogue{[][]float32{more}, func(row []float32, i, j int) {
		if bias != nil {
			level.addTo(row, bias[j:])
		}
		level.addTo(row, more[i*out+j:])
	}}
	multiply(body(bf16), &product{NT, rows, out, in, x, w, y, in, in, out, false, active, &after, 0})
}

// LinearSwiGLU sets up (rows × out) to x (rows × in)·wᵀ and y to SwiGLU of gate and that.
func LinearSwiGLU(y, up, gate, x, w []float32, rows, out, in int, bf16 bool) {
	same("LinearSwiGLU", rows*out, len(y), len(up), len(gate))
	level := active
	after := epilogue{[][]float32{gate, y}, func(row []float32, i, j int) {
		at := i*out + j
		level.swiglu(y[at:][:len(row)], gate[at:][:len(row)], row)
	}}
	multiply(body(bf16), &product{NT, rows, out, in, x, w, up, in, in, out, false, active, &after, 0})
}

// GELULinearGrad sets dh (rows × in), the gradient of h in GELU(h)·wᵀ, w (out × in), from dy
// (rows × out), that of the result.
func GELULinearGrad(dh, h, w, dy []float32, rows, out, in int, bf16 bool) {
	same("GELULinearGrad", rows*in, len(dh), len(h))
	level := active
	after := epilogue{[][]float32{h}, func(row []float32, i, j int) { level.geluGrad(row, h[i*in+j:][:len(row)], row) }}
	multiply(body(bf16), &product{NN, rows, in, out, dy, w, dh, out, in, in, false, active, &after, 0})
}

// SwiGLULinearGrad sets dgate and dup (rows × in), the gradients in SwiGLU(gate, up)·wᵀ, w
// (out × in), from dy (rows × out), that of the result. dgate may be gate.
func SwiGLULinearGrad(dgate, dup, gate, up, w, dy []float32, rows, out, in int, bf16 bool) {
	same("SwiGLULinearGrad", rows*in, len(dgate), len(dup), len(gate), len(up))
	level := active
	after := epilogue{[][]float32{gate, up}, func(row []float32, i, j int) {
		at, end := i*in+j, i*in+j+len(row)
		level.swigluGrad(dgate[at:end], row, gate[at:end], up[at:end], row)
	}}
	multiply(body(bf16), &product{NN, rows, in, out, dy, w, dup, out, in, in, false, active, &after, 0})
}

func body(bf16 bool) gemmBody {
	if bf16 {
		return active.gemmBF16
	}
	return active.gemm
}
