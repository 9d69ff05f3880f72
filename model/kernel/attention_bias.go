package kernel

import "fragua/model/kernel/par"

// A PositionBias is what is added to each head's scores by how far the key stands from the query
// (Raffel et al. 2020, section 2.1): row Far + max(−Far, min(Far, key − query)), column head.
type PositionBias struct {
	Far    int
	Table  []float32 // (2·Far+1) rows, Stride apart
	Stride int
	Grad   []float32 // laid out as Table; Backward adds to it. nil: not wanted
}

// row is the row of the table for a key so far behind the query.
func (p *PositionBias) row(distance int) int {
	return (p.Far + max(-p.Far, min(p.Far, distance))) * p.Stride
}

// bias adds the biases of head h to a strip of scores that are yet to be scaled. t and s are the
// first query and key.
func (a *Attention) bias(h, t, s int, vis visibleRange, scores []float32) {
	p := a.Bias
	for r := range vis.rows {
		at := t + r + a.S - a.T
		row := scores[r*vis.ld:][:vis.n]
		for c := range row {
			row[c] += p.Table[p.row(s+c-at)+h] / a.Scale
		}
	}
}

// biasGrads is room for the gradients of each sequence's biases, which are summed in order.
func (a *Attention) biasGrads() []float32 {
	if a.Bias == nil || a.Bias.Grad == nil {
		return nil
	}
	g := par.GetScratch(a.B * a.Heads * (2*a.Bias.Far + 1))
	clear(g)
	return g
}

// biasBack gathers the gradients of a strip of scores.
func (a *attentionBackward) biasBack(b, h, t, s int, vis visibleRange, ds []float32) {
	far := a.Bias.Far
	sums := a.biases[(b*a.Heads+h)*(2*far+1):][:2*far+1]
	for r := range vis.rows {
		at := t + r + a.S - a.T
		for c, g := range ds[r*vis.ld:][:vis.of(r)] {
			sums[far+max(-far, min(far, s+c-at))] += g / a.Scale
		}
	}
}

// biasSum adds the sums of all sequences to the gradient of the table.
func (a *attentionBackward) biasSum() {
	n := 2*a.Bias.Far + 1
	for i, g := range a.biases {
		h, d := i/n%a.Heads, i%n
		a.Bias.Grad[d*a.Bias.Stride+h] += g
	}
	par.PutScratch(a.biases)
}
