package linear

import (
	"math"
	"slices"
)

// A Pool combines the log-probabilities of several models as
// softmax(Σ weight[m]·logProbs[m]): logarithmic pooling (Genest and Zidek 1986).
// With one model its weight is 1/T of temperature scaling (Guo et al. 2017).
type Pool []float64

// FitPool finds the weights with the least mean log loss on rows that the models
// have not learned from: predictions[m][i] are model m's log-probabilities of row
// i. ridge·‖w − 1/models‖² is added to the summed loss, so that few rows give
// nearly the plain average of the models.
func FitPool(predictions [][][]float64, labels []int, ridge float64) Pool {
	n := len(predictions)
	p := Average(n)
	value := p.objective(predictions, labels, ridge)
	for range 50 {
		gradient, hessian := p.slopes(predictions, labels, ridge)
		step := cholesky(hessian, gradient)
		slope := 0.0
		for m := range step {
			slope += gradient[m] * step[m]
		}
		if slope < 1e-10 {
			break
		}
		better := false
		for rate := 1.0; rate > 1e-8; rate /= 2 {
			next := slices.Clone(p)
			for m := range next {
				next[m] -= rate * step[m]
			}
			if v := next.objective(predictions, labels, ridge); v < value {
				p, value, better = next, v, true
				break
			}
		}
		if !better {
			break
		}
	}
	return p
}

// Average weighs n models alike.
func Average(n int) Pool {
	p := make(Pool, n)
	for m := range p {
		p[m] = 1 / float64(n)
	}
	return p
}

// crossFits is how many parts CrossFit makes of the rows.
const crossFits = 5

// CrossFit pools each row with weights that were fitted on the other parts of the
// rows: what FitPool may be judged by on the rows that it is fitted on.
func CrossFit(predictions [][][]float64, labels []int, ridge float64) [][]float64 {
	out := make([][]float64, len(labels))
	others := make([][][]float64, len(predictions))
	for part := range crossFits {
		var want []int
		for m := range others {
			others[m] = others[m][:0]
		}
		for i, l := range labels {
			if i%crossFits == part {
				continue
			}
			want = append(want, l)
			for m := range others {
				others[m] = append(others[m], predictions[m][i])
			}
		}
		p := FitPool(others, want, ridge)
		for i := part; i < len(labels); i += crossFits {
			out[i] = p.of(predictions, i)
		}
	}
	return out
}

// LogProbs combines what each model says of one row.
func (p Pool) LogProbs(models [][]float64) []float64 {
	out := make([]float64, len(models[0]))
	for m, w := range p {
		for c, l := range models[m] {
			out[c] += float64(w * max(l, floor))
		}
	}
	sum := LogSum(out)
	for c := range out {
		out[c] -= sum
	}
	return out
}

// floor keeps one model's certainty from deciding alone.
const floor = -20

func (p Pool) of(predictions [][][]float64, i int) []float64 {
	rows := make([][]float64, len(p))
	for m := range rows {
		rows[m] = predictions[m][i]
	}
	return p.LogProbs(rows)
}

func (p Pool) objective(predictions [][][]float64, labels []int, ridge float64) (sum float64) {
	for i, l := range labels {
		sum -= p.of(predictions, i)[l]
	}
	for _, w := range p {
		d := w - 1/float64(len(p))
		sum += ridge * d * d
	}
	return sum
}

// slopes are the gradient and the Hessian of the objective.
func (p Pool) slopes(predictions [][][]float64, labels []int, ridge float64) (g []float64, h [][]float64) {
	n := len(p)
	g, h = make([]float64, n), make([][]float64, n)
	for m := range h {
		h[m] = make([]float64, n)
		g[m] = 2 * ridge * (p[m] - 1/float64(n))
		h[m][m] = 2*ridge + 1e-9
	}
	mean := make([]float64, n)
	for i, l := range labels {
		probs := p.of(predictions, i)
		for c := range probs {
			probs[c] = math.Exp(probs[c])
		}
		at := func(m, c int) float64 { return max(predictions[m][i][c], floor) }
		for m := range n {
			mean[m] = 0
			for c, q := range probs {
				mean[m] += float64(q * at(m, c))
			}
			g[m] += mean[m] - at(m, l)
		}
		for a := range n {
			for b := range n {
				for c, q := range probs {
					h[a][b] += float64(q * (at(a, c) - mean[a]) * (at(b, c) - mean[b]))
				}
			}
		}
	}
	return g, h
}

// cholesky solves a·x = b for a positive definite a, which it overwrites.
func cholesky(a [][]float64, b []float64) []float64 {
	n := len(b)
	x := slices.Clone(b)
	for i := range n {
		for j := range i + 1 {
			s := a[i][j]
			for k := range j {
				s -= float64(a[i][k] * a[j][k])
			}
			if i == j {
				a[i][i] = math.Sqrt(max(s, 1e-12))
			} else {
				a[i][j] = s / a[j][j]
			}
		}
	}
	for i := range n {
		for k := range i {
			x[i] -= float64(a[i][k] * x[k])
		}
		x[i] /= a[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			x[i] -= float64(a[k][i] * x[k])
		}
		x[i] /= a[i][i]
	}
	return x
}

// LogSum is log Σ exp(x).
func LogSum(x []float64) float64 {
	top, sum := slices.Max(x), 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

// LogLoss is the mean −log-probability of the labels.
func LogLoss(predictions [][]float64, labels []int) float64 {
	sum := 0.0
	for i, l := range labels {
		sum -= max(predictions[i][l], floor)
	}
	return sum / float64(max(len(labels), 1))
}

// Accuracy is the share of rows whose likeliest class is the label.
func Accuracy(predictions [][]float64, labels []int) float64 {
	hits := 0
	for i, l := range labels {
		if Likeliest(predictions[i]) == l {
			hits++
		}
	}
	return float64(hits) / float64(max(len(labels), 1))
}

// Likeliest is the class with the greatest log-probability, of equals the first.
func Likeliest(logProbs []float64) int {
	best := 0
	for c, l := range logProbs {
		if l > logProbs[best] {
			best = c
		}
	}
	return best
}
