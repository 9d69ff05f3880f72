package tensor

import "fmt"

// ScaleColumns is x·(gain/norm) + b, column by column: x (N, C), gain (C), b (C) or nil.
// norm (C) is a constant, and must stay as it is until Backward.
func (tp *Tape) ScaleColumns(x, gain *Tensor, norm []float32, b *Tensor) *Tensor {
	c := x.Cols()
	if len(gain.Data) != c || len(norm) != c {
		panic(fmt.Sprintf("tensor: ScaleColumns of %v by %d gains and %d norms", x.Shape, len(gain.Data), len(norm)))
	}
	y := tp.make(x.needsGrad() || gain.needsGrad() || b.needsGrad(), x.Rows(), c)
	scale := tp.buffer(c)
	for j := range scale {
		scale[j] = gain.Data[j] / norm[j]
	}
	bias := biasOf(b)
	for i, v := range x.Data {
		j := i % c
		y.Data[i] = float32(v * scale[j])
		if bias != nil {
			y.Data[i] += bias[j]
		}
	}
	saveForBackward(x)
	record(tp, scaleColumns{x: x, gain: gain, b: b, y: y, scale: scale, norm: norm})
	return y
}

type scaleColumns struct {
	x, gain, b, y *Tensor
	scale, norm   []float32
}

func (o *scaleColumns) backward(tp *Tape) {
	dy, c := o.y.Grad, o.x.Cols()
	if dy == nil {
		return
	}
	tp.biasBackward(o.b, dy)
	if g := tp.gradToAdd(o.gain); g != nil {
		sums := make([]float64, c)
		for i, d := range dy {
			sums[i%c] += float64(d) * float64(o.x.Data[i])
		}
		for j, s := range sums {
			g[j] += float32(s / float64(o.norm[j]))
		}
	}
	if dx := tp.gradToAdd(o.x); dx != nil {
		for i, d := range dy {
			dx[i] += float32(d * o.scale[i%c])
		}
	}
}
