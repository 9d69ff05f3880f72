package kernel

import "fragua/model/kernel/gemm"

// Gemm multiplies matrices at the active level: see gemm.Args.
func Gemm(x gemm.Args) { active.gemm.Mul(x, gemm.Epilogue{}) }

// Prepack packs B of x for many products: see gemm.Kernels.Prepack.
func Prepack(x gemm.Args, uses int) gemm.Prepacked { return active.gemm.Prepack(x, uses) }

// BF16Faster reports whether GEMMs with BF16 are faster than without at the active level: see
// gemm.Kernels.BF16Faster.
func BF16Faster() bool { return active.gemm.BF16Faster() }

// Peak measures what the active level can do, in FLOP/s: see gemm.Kernels.Peak.
func Peak(workers int, bf16 bool) float64 { return active.gemm.Peak(workers, bf16) }

// Bandwidth measures reading from memory, in bytes a second: see gemm.Kernels.Bandwidth.
func Bandwidth(x []float32) float64 { return active.gemm.Bandwidth(x) }

// The linear layers below apply what comes before or after a GEMM while rows are in the cache.
// Weights w are out × in. bf16 is that of gemm.Args. A nil bias is 0.

// layer is the GEMM of a linear layer: y (rows × out) = x (rows × in)·wᵀ.
func layer(y, x, w []float32, rows, out, in int, bf16 bool) gemm.Args {
	return gemm.Args{Op: gemm.NT, M: rows, N: out, K: in, A: x, B: w, C: y, BF16: bf16}
}

// inputGrad is the GEMM of its gradient: dx (rows × in) = dy (rows × out)·w.
func inputGrad(dx, dy, w []float32, rows, out, in int, bf16 bool) gemm.Args {
	return gemm.Args{Op: gemm.NN, M: rows, N: in, K: out, A: dy, B: w, C: dx, BF16: bf16}
}

// Linear sets y (rows × out) to x (rows × in)·wᵀ + bias, and act, unless it is nil, to GELU(y).
func Linear(y, act, x, w, bias []float32, rows, out, in int, bf16 bool) {
	args, after := layer(y, x, w, rows, out, in, bf16), biasGELU("Linear", y, act, bias, out)
	if rows <= gemm.SkinnyRows && !bf16 {
		active.gemm.MulSkinny(args, after)
	} else {
		active.gemm.Mul(args, after)
	}
}

// LinearQuantized is Linear with quantized weights (out × in).
func LinearQuantized(y, act, x []float32, w *gemm.Quantized, bias []float32, rows int) {
	out, _ := w.Shape()
	active.gemm.MulQuantized(y, x, w, rows, biasGELU("LinearQuantized", y, act, bias, out))
}

// EmbeddingQuantized writes rows ids of quantized weights to dst (len(ids) × columns) as float32.
func EmbeddingQuantized(dst []float32, w *gemm.Quantized, ids []int32) {
	active.gemm.QuantizedRows(dst, w, ids)
}

// biasGELU is the epilogue of Linear. It panics unless bias and act fit y.
func biasGELU(what string, y, act, bias []float32, out int) gemm.Epilogue {
	if bias != nil {
		same(what, out, len(bias))
	}
	switch {
	case act == nil && bias == nil:
		return gemm.Epilogue{}
	case act == nil:
		return gemm.Epilogue{Row: addBias, Bias: bias}
	}
	same(what, len(y), len(act))
	return gemm.Epilogue{Row: biasThenGELU, Bias: bias, Side: [2][]float32{act}}
}

func addBias(e *gemm.Epilogue, row []float32, _, j int) {
	if e.Bias != nil {
		active.addTo(row, e.Bias[j:][:len(row)])
	}
}

func biasThenGELU(e *gemm.Epilogue, row []float32, i, j int) {
	addBias(e, row, i, j)
	active.gelu(e.Beside(0, row, i, j), row)
}

// LinearAdd sets y (rows × out) to x (rows × in)·wᵀ + bias + more (rows × out). y may not overlap
// more.
func LinearAdd(y, more, x, w, bias []float32, rows, out, in int, bf16 bool) {
	if bias != nil {
		same("LinearAdd", out, len(bias))
	}
	same("LinearAdd", len(y), len(more))
	active.gemm.Mul(layer(y, x, w, rows, out, in, bf16), gemm.Epilogue{Row: addMore, Bias: bias, Side: [2][]float32{more}})
}

func addMore(e *gemm.Epilogue, row []float32, i, j int) {
	addBias(e, row, i, j)
	active.addTo(row, e.Beside(0, row, i, j))
}

// LinearGELU sets y (rows × out) to GELU(h), h = x (rows × in)·wᵀ + bias, and slope to GELU′(h),
// which is all that the backward pass needs of h.
func LinearGELU(y, slope, x, w, bias []float32, rows, out, in int, bf16 bool) {
	after := biasGELU("LinearGELU", slope, y, bias, out)
	after.Row = geluAndSlope
	active.gemm.Mul(layer(slope, x, w, rows, out, in, bf16), after)
}

func geluAndSlope(e *gemm.Epilogue, row []float32, i, j int) {
	addBias(e, row, i, j)
	active.geluSlope(e.Beside(0, row, i, j), row)
}

// LinearSwiGLU sets y (rows × out) to SwiGLU(gate, up), up = x (rows × in)·wᵀ, and then gate and up
// to its derivatives in them, up·SiLU′(gate) and SiLU(gate).
func LinearSwiGLU(y, gate, up, x, w []float32, rows, out, in int, bf16 bool) {
	same("LinearSwiGLU", rows*out, len(y), len(gate), len(up))
	active.gemm.Mul(layer(up, x, w, rows, out, in, bf16), gemm.Epilogue{Row: swigluAndSlopes, Side: [2][]float32{gate, y}})
}

func swigluAndSlopes(e *gemm.Epilogue, row []float32, i, j int) {
	active.swigluSlopes(e.Beside(1, row, i, j), e.Beside(0, row, i, j), row)
}

// ActivatedGrad is the gradient of f(h)·wᵀ in h: it sets dh (rows × in) to dy (rows × out)·w times
// slope, which is f′(h).
func ActivatedGrad(dh, slope, w, dy []float32, rows, out, in int, bf16 bool) {
	same("ActivatedGrad", rows*in, len(dh), len(slope))
	active.gemm.Mul(inputGrad(dh, dy, w, rows, out, in, bf16), gemm.Epilogue{Row: timesSlope, Side: [2][]float32{slope}})
}

func timesSlope(e *gemm.Epilogue, row []float32, i, j int) {
	active.mul(row, row, e.Beside(0, row, i, j))
}

// GatedGrad is the gradient of f(gate, up)·wᵀ: it sets dup (rows × in) to dy (rows × out)·w times
// slope, the derivative of f in up, and multiplies gate (rows × in), which holds that in gate, by
// dy·w.
func GatedGrad(gate, dup, slope, w, dy []float32, rows, out, in int, bf16 bool) {
	same("GatedGrad", rows*in, len(gate), len(dup), len(slope))
	active.gemm.Mul(inputGrad(dup, dy, w, rows, out, in, bf16), gemm.Epilogue{Row: timesSlopes, Side: [2][]float32{gate, slope}})
}

func timesSlopes(e *gemm.Epilogue, row []float32, i, j int) {
	gate := e.Beside(0, row, i, j)
	active.mul(gate, gate, row)
	active.mul(row, row, e.Beside(1, row, i, j))
}
