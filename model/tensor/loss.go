package tensor

import (
	"fmt"

	"fragua/model/hlo"
	"fragua/model/kernel"
	"fragua/model/kernel/gemm"
)

// HeadOptions are the finer points of HeadLoss; the zero value is plain cross entropy.
type HeadOptions struct {
	Norm      float32   // what the summed loss is divided by; 0: the number of targets
	Smoothing float32   // label smoothing ε, spread over the other V−1 ids as fairseq does
	Bias      *Tensor   // of the logits (V), or nil
	Each      []float64 // if not nil (N): gets each row's negative log-likelihood, 0 where there is no target
}

// HeadLoss is the output layer and its loss in one: the cross entropy of
// x·wᵀ, x (N, C), w (V, C), against targets (N), where −1 means none. The
// logits exist for a chunk of rows at a time, and rows without a target cost
// nothing. It returns the loss Σ/Norm, the plain Σ nll in nats and the number
// of targets.
//
// On a recording tape the gradients of x and w are made in the forward pass,
// while the logits are there. So the loss must be what Backward starts from,
// or a term of a plain sum that it starts from.
func (tp *Tape) HeadLoss(x, w *Tensor, targets []int32, o HeadOptions) (total *Tensor, nll float64, count int) {
	n, c, v := x.Rows(), x.Cols(), w.Rows()
	if len(targets) != n || w.Cols() != c {
		panic(fmt.Sprintf("tensor: HeadLoss of %v by %v with %d targets", x.Shape, w.Shape, len(targets)))
	}
	w.checkTrainable("HeadLoss", x)
	if o.Bias != nil && o.Bias.count() != v {
		panic(fmt.Sprintf("tensor: HeadLoss of %d ids with a bias of %d", v, len(o.Bias.Data)))
	}
	total = tp.make(x.needsGrad() || w.needsGrad() || o.Bias.needsGrad(), 1, 1)
	total.Shape = total.Shape[:1]
	scored := tp.scored(targets)
	count = len(scored)
	norm := o.Norm
	if norm == 0 {
		norm = float32(max(count, 1))
	}
	clear(o.Each)

	h := head{x: x, w: w, targets: targets, rows: scored, options: o, scale: 1 / norm}
	if !tp.computes() {
		h.total, h.targets = total, targets
		record(tp, h)
		return total, 0, count
	}
	total.Data[0] = 0
	if total.requiresGrad {
		h.total = total
		if dx, add := tp.grad(x); dx != nil {
			if !add && count < n {
				kernel.Clear(dx)
				add = true
			}
			h.dx, h.add = dx, add
		}
		h.dw, h.addW = tp.grad(w)
		if count == 0 && !h.addW {
			kernel.Clear(h.dw)
		}
		saveForBackward(x)
	}
	loss := 0.0
	for chunk := HeadRows(count, v); len(h.rows) > 0; {
		m := min(chunk, len(h.rows))
		s, plain := h.chunk(tp, m)
		loss, nll = loss+s, nll+plain
		h.rows = h.rows[m:]
	}
	total.Data[0] = float32(loss * float64(h.scale))
	record(tp, h)
	return total, nll, count
}

// HeadRows is how many of this many rows HeadLoss holds the logits of at a time:
// at most 128 MiB, and no last part that is much smaller than the others, since
// each reads all of w and, to learn, adds to its whole gradient.
func HeadRows(rows, vocab int) int {
	most := min(1024, max(16, 1<<25/vocab))
	parts := max(1, (rows+most-1)/most)
	return (rows + parts - 1) / parts
}

type head struct {
	x, w, total *Tensor
	targets     []int32
	rows        []int32 // those still to be scored
	options     HeadOptions
	scale       float32
	dx, dw      []float32
	add, addW   bool
}

// chunk scores the next m rows and makes their gradients at once.
func (h *head) chunk(tp *Tape, m int) (loss, nll float64) {
	c, v := h.x.Cols(), h.w.Rows()
	rows := h.rows[:m]
	first := int(rows[0])
	dense := int(rows[m-1])-first == m-1 // then they are a part of x, else they are gathered

	buf := tp.scratch(m * v)
	logits := buf.data
	defer buf.free(tp)
	xs := h.x.Data[first*c:]
	if !dense {
		b := tp.scratch(m * c)
		defer b.free(tp)
		kernel.Embedding(b.data, h.x.Data, rows, c)
		xs = b.data
	}
	xs = xs[:m*c]
	if h.w.Quantized != nil {
		kernel.LinearQuantized(logits, nil, xs, h.w.Quantized, nil, m)
	} else {
		kernel.Gemm(gemm.Args{Op: gemm.NT, M: m, N: v, K: c, A: xs, B: h.w.Data, C: logits, BF16: tp.rounds()})
	}
	if h.options.Bias != nil {
		kernel.AddBias(logits, h.options.Bias.Data)
	}
	tp.profileAs("head, logits", false)

	targets, losses, sums := tp.chunkRows(m)
	for i, r := range rows {
		targets[i] = h.targets[r]
	}
	eps := h.options.Smoothing
	if eps > 0 {
		for i, t := range targets { // Σ_v −z_v + V·z_t; with V·nll it becomes Σ_v −log p_v
			row := logits[i*v:][:v]
			sums[i] = float64(v)*float64(row[t]) - kernel.Sum(row)
		}
	}
	kernel.CrossEntropy(losses, logits, targets, v, h.scale, h.total != nil)
	epsV := eps / float32(max(v-1, 1))
	for i, l := range losses {
		nll += l
		if h.options.Each != nil {
			h.options.Each[rows[i]] = l
		}
		if eps > 0 {
			l = float64(1-eps-epsV)*l + float64(epsV)*(sums[i]+float64(v)*l)
		}
		loss += l
	}
	if h.total == nil {
		return loss, nll
	}
	if eps > 0 {
		kernel.SmoothLabels(logits, targets, v, h.scale, epsV, eps+epsV)
	}
	tp.profileAs("cross entropy", false)
	tp.biasBackward(h.options.Bias, logits)
	if h.dw != nil {
		kernel.Gemm(gemm.Args{Op: gemm.TN, M: v, N: c, K: m, A: logits, B: xs, C: h.dw, Acc: h.addW, BF16: tp.BF16})
		h.addW = true
	}
	switch {
	case h.dx == nil:
	case dense:
		kernel.Gemm(gemm.Args{Op: gemm.NN, M: m, N: c, K: v, A: logits, B: h.w.Data, C: h.dx[first*c:][:m*c], Acc: h.add, BF16: tp.BF16})
	default:
		b := tp.scratch(m * c)
		defer b.free(tp)
		kernel.Gemm(gemm.Args{Op: gemm.NN, M: m, N: c, K: v, A: logits, B: h.w.Data, C: b.data, BF16: tp.BF16})
		kernel.EmbeddingGrad(h.dx, b.data, rows, c)
	}
	tp.profileAs("head, gradients", true)
	return loss, nll
}

func (h *head) backward(tp *Tape) {
	if h.total != nil && (h.total.Grad == nil || h.total.Grad[0] != 1) {
		panic("tensor: Backward must start from HeadLoss or from a plain sum with it")
	}
}

func (h *head) emit(g *Graph) {
	n, v := h.x.Rows(), h.w.Rows()
	shape := []int{n, v}
	logits, targets := g.affine(g.of(h.x), h.w, h.options.Bias), g.ints(h.targets)
	none := g.Constant(hlo.F32, 0, n)
	scored := g.Compare("GE", targets, g.Constant(hlo.I32, 0, n))
	hit := g.Compare("EQ", g.Iota(hlo.I32, 1, shape...), g.Broadcast(targets, shape, 0))
	top := g.Greatest(logits, 1)
	lse := g.Add(g.Log(g.Sum(g.Exp(g.Sub(logits, g.Broadcast(top, shape, 0))), 1)), top)
	right := g.Sum(g.Select(hit, logits, g.Constant(hlo.F32, 0, shape...)), 1)
	nll := g.Select(scored, g.Sub(lse, right), none)
	loss := nll
	if eps := float64(h.options.Smoothing); eps > 0 {
		each := eps / float64(max(v-1, 1))
		all := g.Sub(g.Scale(lse, float64(v)), g.Sum(logits, 1)) // Σ −log p over the vocabulary
		loss = g.Select(scored, g.Add(g.Scale(nll, 1-eps-each), g.Scale(all, each)), none)
	}
	g.loss(h.total, g.Sum(loss, 0), nll, h.scale)
}

// scored lists the rows that have a target.
func (tp *Tape) scored(targets []int32) []int32 {
	var list []int32
	if tp != nil {
		list = tp.rows[:0]
	}
	for i, t := range targets {
		if t >= 0 {
			list = append(list, int32(i))
		}
	}
	if tp != nil {
		tp.rows = list
	}
	return list
}

// chunkRows returns a target and two numbers for each of m rows.
func (tp *Tape) chunkRows(m int) (targets []int32, losses, sums []float64) {
	if tp == nil {
		return make([]int32, m), make([]float64, m), make([]float64, m)
	}
	if len(tp.targets) < m {
		tp.targets, tp.losses = make([]int32, m), make([]float64, 2*m)
	}
	return tp.targets[:m], tp.losses[:m], tp.losses[len(tp.targets):][:m]
}
