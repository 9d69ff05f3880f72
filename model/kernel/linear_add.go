package kernel

// LinearAdd sets y (rows × out) to x (rows × in)·wᵀ + bias + more (rows × out), as Linear
// would followed by AddTo, while rows are still in the cache; bf16 is the precision of
// GemmBF16. A nil bias is 0. y may not overlap more.
func LinearAdd(y, more, x, w, bias []float32, rows, out, in int, bf16 bool) {
	if bias != nil {
		same("LinearAdd", out, len(bias))
	}
	same("LinearAdd", len(y), len(more))
	gemm := active.gemm
	if bf16 {
		gemm = active.gemmBF16
	}
	multiply(gemm, &product{NT, rows, out, in, x, w, y, in, in, out, false, active, &epilogue{bias: bias, more: more}, 0})
}
