package tensor

import (
	"fmt"
	"math"
	"slices"

	"fragua/model/hlo"
)

// A Criterion is what ClassLoss measures.
type Criterion int

// The criteria, of logits z against labels y.
const (
	Softmax Criterion = iota // one label of many: cross entropy
	Sigmoid                  // each class is a yes or no of its own: binary cross entropy
	Squared                  // labels are numbers: (z − y)²
)

// ClassOptions are the finer points of ClassLoss; the zero value is one label
// of many, all classes weighing the same.
type ClassOptions struct {
	Loss    Criterion
	Weights []float32 // of the classes (C); nil: 1 each
	Norm    float32   // what the summed loss is divided by; 0: the number of rows with a label
}

// ClassLoss is the loss of logits (B, C) against labels (B×C), which are one-hot,
// multi-hot with Sigmoid, or any numbers with Squared: Σ_b Σ_c weight_c·loss_bc / Norm.
// With Softmax a row of labels that are all 0 has no loss. It returns the loss and
// the plain Σ, in nats or squared, before weights and Norm.
func (tp *Tape) ClassLoss(logits *Tensor, labels []float32, o ClassOptions) (total *Tensor, nll float64) {
	n, c := logits.Rows(), logits.Cols()
	if len(labels) != n*c || o.Weights != nil && len(o.Weights) != c {
		panic(fmt.Sprintf("tensor: ClassLoss of %v with %d labels and %d weights", logits.Shape, len(labels), len(o.Weights)))
	}
	total = tp.make(logits.needsGrad(), 1, 1)
	total.Shape = total.Shape[:1]
	if !tp.computes() {
		return tp.traceClassLoss(total, logits, labels, o), 0
	}
	d := tp.buffer(n * c) // the gradient, made at once
	norm, labelled, loss := float64(o.Norm), 0, 0.0
	for r := range n {
		row := classRow{logits.Data[r*c:][:c], labels[r*c:][:c], o.Weights, d[r*c:][:c]}
		weighed, plain, has := row.score(o.Loss)
		loss, nll = loss+weighed, nll+plain
		if has {
			labelled++
		}
	}
	if norm == 0 {
		norm = float64(max(labelled, 1))
	}
	total.Data[0] = float32(loss / norm)
	record(tp, classLoss{x: logits, total: total, d: d, scale: float32(1 / norm)})
	return total, nll
}

type classLoss struct {
	x, total *Tensor
	d        []float32
	scale    float32
	labels   []float32 // of a trace, as what follows
	options  ClassOptions
}

func (o *classLoss) backward(tp *Tape) {
	if o.total.Grad == nil || !o.x.needsGrad() {
		return
	}
	g := tp.gradToAdd(o.x)
	for i, d := range o.d {
		g[i] += float32(o.total.Grad[0] * float32(o.scale*d))
	}
}

func (tp *Tape) traceClassLoss(total, logits *Tensor, labels []float32, o ClassOptions) *Tensor {
	norm := float64(o.Norm)
	if norm == 0 {
		labelled := 0
		for r := range logits.Rows() {
			row := labels[r*logits.Cols():][:logits.Cols()]
			if o.Loss != Softmax || slices.ContainsFunc(row, func(y float32) bool { return y != 0 }) {
				labelled++
			}
		}
		norm = float64(max(labelled, 1))
	}
	record(tp, classLoss{x: logits, total: total, scale: float32(1 / norm), labels: labels, options: o})
	return total
}

func (o *classLoss) emit(g *Graph) {
	z := g.of(o.x)
	y := g.floats(o.labels, z.Shape...)
	var each *hlo.Value // (B, C)
	switch o.options.Loss {
	case Squared:
		d := g.Sub(z, y)
		each = g.Mul(d, d)
	case Sigmoid: // max(z, 0) + log(1 + e^−|z|) − y·z
		zero := g.Constant(hlo.F32, 0, z.Shape...)
		size := g.Select(g.Compare("LT", z, zero), g.Sub(zero, z), z)
		each = g.Sub(g.Add(g.Max(z, zero), g.Log(g.Offset(g.Exp(g.Sub(zero, size)), 1))), g.Mul(y, z))
	default:
		top := g.Greatest(z, 1)
		lse := g.Add(g.Log(g.Sum(g.Exp(g.Sub(z, g.Broadcast(top, z.Shape, 0))), 1)), top)
		each = g.Mul(y, g.Sub(g.Broadcast(lse, z.Shape, 0), z))
	}
	weighed := each
	if w := o.options.Weights; w != nil {
		weighed = g.Mul(each, g.Broadcast(g.floats(w, len(w)), z.Shape, 1))
	}
	g.loss(o.total, g.Sum(weighed, 0, 1), g.Sum(each, 1), o.scale)
}

// A classRow is one row of logits z with labels y, class weights and room for the gradient.
type classRow struct{ z, y, weights, d []float32 }

func (r classRow) weight(c int) float64 {
	if r.weights == nil {
		return 1
	}
	return float64(r.weights[c])
}

func (r classRow) score(loss Criterion) (weighed, plain float64, has bool) {
	switch loss {
	case Sigmoid:
		return r.sigmoid()
	case Squared:
		return r.squared()
	}
	return r.softmax()
}

// softmax is Σ_c w_c·y_c·(−log p_c), p = softmax(z).
func (r classRow) softmax() (weighed, plain float64, has bool) {
	top := math.Inf(-1)
	for _, z := range r.z {
		top = max(top, float64(z))
	}
	sum, mass := 0.0, 0.0
	for c, z := range r.z {
		sum += math.Exp(float64(z) - top)
		mass += r.weight(c) * float64(r.y[c])
	}
	lse := top + math.Log(sum)
	for c, z := range r.z {
		y, w := float64(r.y[c]), r.weight(c)
		weighed += w * y * (lse - float64(z))
		plain += y * (lse - float64(z))
		has = has || y != 0
		r.d[c] = float32(mass*math.Exp(float64(z)-lse) - w*y)
	}
	return weighed, plain, has
}

// sigmoid is Σ_c w_c·(log(1 + eᶻ) − y_c·z_c), the binary cross entropy of σ(z).
func (r classRow) sigmoid() (weighed, plain float64, has bool) {
	for c, f := range r.z {
		z, y, w := float64(f), float64(r.y[c]), r.weight(c)
		l := max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - y*z
		weighed += w * l
		plain += l
		r.d[c] = float32(w * (1/(1+math.Exp(-z)) - y))
	}
	return weighed, plain, true
}

// squared is Σ_c w_c·(z_c − y_c)².
func (r classRow) squared() (weighed, plain float64, has bool) {
	for c, z := range r.z {
		d, w := float64(z)-float64(r.y[c]), r.weight(c)
		weighed += float64(w * d * d)
		plain += float64(d * d)
		r.d[c] = float32(2 * w * d)
	}
	return weighed, plain, true
}
