package kernel

// Linear layers with what comes before or behind them, done while rows are in the cache. bf16
// is Gemm's.

// LinearAdd sets y (rows × out) to x (rows × in)·wᵀ + bias + more (rows × out), as Linear
// would followed by AddTo. A nil bias is 0. y may not overlap more.
func LinearAdd(y, more, x, w, bias []float32, rows, out, in int, bf16 bool) {
	if bias != nil {
		same("LinearAdd", out, len(bias))
	}
	same("LinearAdd", len(y), len(more))
	multiply(arguments{NT, rows, out, in, x, w, y, in, in, out, false},
		epilogue{(*product).addMore, [2][]float32{more}, bias}, bf16)
}

func (g *product) addMore(row []float32, i, j int) {
	g.addBias(row, i, j)
	g.level.addTo(row, g.beside(0, row, i, j))
}

// LinearGELU sets y (rows × out) to GELU(h), h = x (rows × in)·wᵀ + bias, and slope to GELU′(h),
// which is all that the way back wants to know of h. A nil bias is 0.
func LinearGELU(y, slope, x, w, bias []float32, rows, out, in int, bf16 bool) {
	checkEnd(slope, y, bias, out)
	multiply(arguments{NT, rows, out, in, x, w, slope, in, in, out, false},
		epilogue{(*product).geluSlope, [2][]float32{y}, bias}, bf16)
}

func (g *product) geluSlope(row []float32, i, j int) {
	g.addBias(row, i, j)
	g.level.geluSlope(g.beside(0, row, i, j), row)
}

// LinearSwiGLU sets y (rows × out) to SwiGLU of gate and up, up = x (rows × in)·wᵀ; then gate
// and up to its slopes in them, up·SiLU′(gate) and SiLU(gate).
func LinearSwiGLU(y, gate, up, x, w []float32, rows, out, in int, bf16 bool) {
	same("LinearSwiGLU", rows*out, len(y), len(gate), len(up))
	multiply(arguments{NT, rows, out, in, x, w, up, in, in, out, false},
		epilogue{do: (*product).swigluSlopes, soon: [2][]float32{gate, y}}, bf16)
}

func (g *product) swigluSlopes(row []float32, i, j int) {
	g.level.swigluSlopes(g.beside(1, row, i, j), g.beside(0, row, i, j), row)
}

// ActivatedGrad goes back through f(h)·wᵀ, w (out × in): it sets dh (rows × in) to the gradient
// dy (rows × out)·w times slope, which is f′(h).
func ActivatedGrad(dh, slope, w, dy []float32, rows, out, in int, bf16 bool) {
	same("ActivatedGrad", rows*in, len(dh), len(slope))
	multiply(arguments{NN, rows, in, out, dy, w, dh, out, in, in, false},
		epilogue{do: (*product).timesSlope, soon: [2][]float32{slope}}, bf16)
}

func (g *product) timesSlope(row []float32, i, j int) { g.level.mul(row, row, g.beside(0, row, i, j)) }

// GatedGrad goes back through f(gate, up)·wᵀ, w (out × in): it sets dup (rows × in) to the
// gradient dy (rows × out)·w times slope, that of f in up, and gate (rows × in), which holds that
// in gate, to the gradient times that.
func GatedGrad(gate, dup, slope, w, dy []float32, rows, out, in int, bf16 bool) {
	same("GatedGrad", rows*in, len(gate), len(dup), len(slope))
	multiply(arguments{NN, rows, in, out, dy, w, dup, out, in, in, false},
		epilogue{do: (*product).timesSlopes, soon: [2][]float32{gate, slope}}, bf16)
}

func (g *product) timesSlopes(row []float32, i, j int) {
	gate := g.beside(0, row, i, j)
	g.level.mul(gate, gate, row)
	g.level.mul(row, row, g.beside(1, row, i, j))
}
