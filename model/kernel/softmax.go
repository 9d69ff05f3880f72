package kernel

import (
	"fmt"
	"math"

	"fragua/model/kernel/par"
)

// softmaxRow turns x into exp(x)/Σexp(x). −Inf gives 0; nothing but −Inf gives zeros.
func softmaxRow(x []float32) {
	m := active.rowMax(x)
	if math.IsInf(float64(m), -1) {
		clear(x)
		return
	}
	active.scale(x, 1/active.expSum(x, x, 1, m))
}

// CrossEntropy sets losses[r] = −log softmax(logits[r])[targets[r]] in nats, not divided
// by anything. With grad, it overwrites logits with scale·(softmax − onehot). A target of
// −1 has neither loss nor gradient.
func CrossEntropy(losses []float64, logits []float32, targets []int32, cols int, scale float32, grad bool) {
	rows := rowsOf("CrossEntropy", len(logits), cols)
	same("CrossEntropy", rows, len(losses), len(targets))
	for r, t := range targets {
		if t < -1 || int(t) >= cols {
			panic(fmt.Sprintf("kernel: CrossEntropy: target %d in row %d, of %d classes", t, r, cols))
		}
	}
	entropies.Run(rows, par.RowGrain(4*cols), entropy{losses, logits, targets, cols, scale, grad})
}

type entropy struct {
	losses  []float64
	logits  []float32
	targets []int32
	cols    int
	scale   float32
	grad    bool
}

var entropies par.CallPool[entropy, *entropy]

func (e *entropy) Chunk(lo, hi int) {
	for r := lo; r < hi; r++ {
		e.losses[r] = crossEntropyRow(e.logits[r*e.cols:(r+1)*e.cols], e.targets[r], e.scale, e.grad)
	}
}

// SmoothLabels turns the gradients that CrossEntropy left in logits, of rows that all have a
// target, into those against smoothed targets: what the target loses of its 1, and the share
// that every id gets. scale is CrossEntropy's.
func SmoothLabels(logits []float32, targets []int32, cols int, scale, share, lost float32) {
	same("SmoothLabels", rowsOf("SmoothLabels", len(logits), cols), len(targets))
	smoothings.Run(len(targets), par.RowGrain(cols), smoothing{logits, targets, cols, float32(scale * share), float32(scale * lost)})
}

type smoothing struct {
	logits      []float32
	targets     []int32
	cols        int
	share, lost float32
}

var smoothings par.CallPool[smoothing, *smoothing]

func (s *smoothing) Chunk(lo, hi int) {
	for i := lo; i < hi; i++ {
		row := s.logits[i*s.cols:][:s.cols]
		for j := range row {
			row[j] -= s.share
		}
		row[s.targets[i]] += s.lost
	}
}

func crossEntropyRow(x []float32, target int32, scale float32, grad bool) float64 {
	if target < 0 {
		if grad {
			clear(x)
		}
		return 0
	}
	m, z := active.rowMax(x), x[target]
	var sum float32
	if grad {
		sum = active.expSum(x, x, 1, m)
		active.scale(x, scale/sum)
		x[target] -= scale
	} else {
		sum = active.sumExp(x, m)
	}
	return math.Log(float64(sum)) + float64(m) - float64(z)
}

// LogSumExp is log Σ exp x, in nats.
func LogSumExp(x []float32) float64 {
	m := active.rowMax(x)
	if math.IsInf(float64(m), 0) {
		return float64(m)
	}
	return math.Log(float64(active.sumExp(x, m))) + float64(m)
}

func rowMaxPlain(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

func expSumPlain(dst, x []float32, scale, shift float32) float32 {
	s := 0.0
	for i, v := range x {
		e := exp32(float32(v*scale) - shift)
		dst[i] = e
		s += float64(e)
	}
	return float32(s)
}

func sumExpPlain(x []float32, shift float32) float32 {
	s := 0.0
	for _, v := range x {
		s += float64(exp32(v - shift))
	}
	return float32(s)
}
