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

// LinearGELU sets y (rows × out) to GELU(h), h = x (rows × in)·wᵀ + bias, and slope to GELU′(h),
// which is all that the way back wants to know of h. A nil bias is 0.
func LinearGELU(y, slope, x, w, bias []float32, rows, out, in int, bf16 bool) {
	checkEnd(slope, y, bias, out)
	level := active
	after := epilogue{[][]float32{y}, func(row []float32, i, j int) {
		if bias != nil {
			level.addTo(row, bias[j:])
		}
		level.geluSlope(y[i*out+j:][:len(row)], row)
	}}
	multiply(body(bf16), &product{NT, rows, out, in, x, w, slope, in, in, out, false, active, &after, 0})
}

// LinearSwiGLU sets y (rows × out) to SwiGLU of gate and up, up = x (rows × in)·wᵀ; then gate
// and up to its slopes in them, up·SiLU′(gate) and SiLU(gate).
func LinearSwiGLU(y, gate, up, x, w []float32, rows, out, in int, bf16 bool) {
	same("LinearSwiGLU", rows*out, len(y), len(gate), len(up))
	level := active
	after := epilogue{[][]float32{gate, y}, func(row []float32, i, j int) {
		at, end := i*out+j, i*out+j+len(row)
		level.swigluSlopes(y[at:end], gate[at:end], row)
	}}
	multiply(body(bf16), &product{NT, rows, out, in, x, w, up, in, in, out, false, active, &after, 0})
}

// ActivatedGrad goes back through f(h)·wᵀ, w (out × in): it sets dh (rows × in) to the gradient
// dy (rows × out)·w times slope, which is f′(h).
func ActivatedGrad(dh, slope, w, dy []float32, rows, out, in int, bf16 bool) {
	same("ActivatedGrad", rows*in, len(dh), len(slope))
	level := active
	after := epilogue{[][]float32{slope}, func(row []float32, i, j int) { level.mul(row, row, slope[i*in+j:][:len(row)]) }}
	multiply(body(bf16), &product{NN, rows, in, out, dy, w, dh, out, in, in, false, active, &after, 0})
}

// GatedGrad goes back through f(gate, up)·wᵀ, w (out × in): it sets dup (rows × in) to the
// gradient dy (rows × out)·w times slope, that of f in up, and gate (rows × in), which holds that
// in gate, to the gradient times that.
func GatedGrad(gate, dup, slope, w, dy []float32, rows, out, in int, bf16 bool) {
	same("GatedGrad", rows*in, len(gate), len(dup), len(slope))
	level := active
	after := epilogue{[][]float32{gate, slope}, func(row []float32, i, j int) {
		at, end := i*in+j, i*in+j+len(row)
		level.mul(gate[at:end], gate[at:end], row)
		level.mul(row, row, slope[at:end])
	}}
	multiply(body(bf16), &product{NN, rows, in, out, dy, w, dup, out, in, in, false, active, &after, 0})
}

func body(bf16 bool) gemmBody {
	if bf16 {
		return active.gemmBF16
	}
	return active.gemm
}
