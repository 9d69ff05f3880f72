package train

import (
	"fmt"
	"math"

	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/model/ngram"
	"fragua/model/tensor"
)

// A Mixture predicts with a network and an n-gram model at once:
//
//	p(id | context) = λ · p_network(id | context) + (1−λ) · p_ngram(id | context)
//
// The share λ depends on the context alone, so that the probabilities sum to 1:
// it is the logistic function of how long a context the n-gram model has seen,
// what it leaves to shorter ones, how sure the network is, and how much text
// stands before (Jelinek and Mercer 1980; Bakhturina et al. 2011 for the idea
// of a learned gate). Its weights are learned on text that neither model saw.
type Mixture struct {
	net     model.LanguageModel
	grams   *ngram.Model
	weights []float64 // of the features, in their order
	tp      *tensor.Tape
}

// newMixture puts the parts together; weights may be nil until they are learned.
func newMixture(net model.LanguageModel, grams *ngram.Model, weights []float64) (*Mixture, error) {
	m := &Mixture{net: net, grams: grams, weights: weights, tp: tensor.Scratch()}
	switch n := m.features(); {
	case net.Vocab() != grams.Vocab():
		return nil, fmt.Errorf("the network has %d ids, the n-gram model %d: both must come from the same blocks", net.Vocab(), grams.Vocab())
	case weights == nil:
		m.weights = make([]float64, n)
	case len(weights) != n:
		return nil, fmt.Errorf("a mixture of order %d has %d weights, not %d", grams.Order(), n, len(weights))
	}
	return m, nil
}

// Network returns the part that is a network.
func (m *Mixture) Network() model.LanguageModel { return m.net }

// Vocab returns how many ids there are.
func (m *Mixture) Vocab() int { return m.net.Vocab() }

// Context returns how many ids the network sees.
func (m *Mixture) Context() int { return m.net.Context() }

const perLength, shared = 3, 2 // features

// features is how many there are: for each length of context that the n-gram
// model can have seen, and for all.
func (m *Mixture) features() int { return perLength*m.grams.Order() + shared }

// describe writes the features of a context of so many ids: what the n-gram
// model has seen of it, and Σp² of the network's distribution.
func (m *Mixture) describe(x []float32, seen ngram.Match, sumSquares float64, ids int) {
	clear(x)
	at := x[perLength*seen.Length:]
	at[0] = 1
	at[1] = float32(math.Log(float64(seen.Followers)))
	at[2] = float32(seen.LogBack)
	at = x[perLength*m.grams.Order():]
	at[0] = float32(math.Log(max(sumSquares, 1e-9)))
	at[1] = float32(math.Log(float64(ids)))
}

// share is λ: what the network counts for.
func share(weights []float64, x []float32) float64 {
	z := 0.0
	for i, w := range weights {
		z += w * float64(x[i])
	}
	return 1 / (1 + math.Exp(-z))
}

// A prediction is what the parts say of one target.
type prediction struct {
	row        int       // of the batch
	net, grams float64   // the probability that each gives the target
	x          []float32 // features of the context
}

// predictions asks both parts for the targets of a batch. each may keep nothing
// of what it is given; it is called in the order of the targets.
func (m *Mixture) predictions(b *model.Batch, each func(prediction)) error {
	if err := b.Check(m.net); err != nil {
		return err
	}
	defer m.tp.Reset()
	states := m.net.Hidden(m.tp, b) // (B·T, C)
	var scored []int32
	for i, t := range b.Targets {
		if t >= 0 {
			scored = append(scored, int32(i))
		}
	}
	v, n := m.Vocab(), m.features()
	for most := tensor.HeadRows(len(scored), v); len(scored) > 0; {
		rows := scored[:min(most, len(scored))]
		scored = scored[len(rows):]
		logits := model.Logits(m.tp, m.net, m.tp.Rows(states, rows)).Data // (rows, V)
		targets, losses := make([]int32, len(rows)), make([]float64, len(rows))
		for i, r := range rows {
			targets[i] = b.Targets[r]
		}
		kernel.CrossEntropy(losses, logits, targets, v, 1, true) // logits are now probabilities, less 1 for the target
		out, xs := make([]prediction, len(rows)), make([]float32, len(rows)*n)
		par.For(len(rows), 16, func(lo, hi int) {
			before := make([]int32, 0, m.grams.Order()+1)
			for i := lo; i < hi; i++ {
				p := logits[i*v:][:v]
				p[targets[i]]++
				at := int(rows[i])
				r, from := at/b.T, documentBegin(b, at)
				before = gramContext(before[:0], m.grams, b.IDs, from, at)
				x := xs[i*n:][:n]
				m.describe(x, m.grams.Match(before), sumSquares(p), at+1-from)
				out[i] = prediction{r, math.Exp(-losses[i]), math.Exp(m.grams.LogProb(before, targets[i])), x}
			}
		})
		for _, p := range out {
			each(p)
		}
	}
	return nil
}

// documentBegin is where in the batch the document of a position begins, or the
// row if the document began before it.
func documentBegin(b *model.Batch, at int) int {
	from := at
	for from%b.T > 0 && (b.Docs == nil || b.Docs[from-1] == b.Docs[at]) {
		from--
	}
	return from
}

// gramContext appends what an n-gram model looks at for the id after ids[at], in a text that
// begins at ids[from].
func gramContext(dst []int32, m *ngram.Model, ids []int32, from, at int) []int32 {
	first := at + 2 - m.Order()
	if first < from {
		first, dst = from, append(dst, m.End()) // what begins a text
	}
	return append(dst, ids[first:at+1]...)
}

func sumSquares(p []float32) float64 {
	sum := float32(0)
	for _, x := range p {
		sum += x * x
	}
	return float64(sum)
}

// Score implements model.Scorer.
func (m *Mixture) Score(b *model.Batch) ([]float64, error) {
	sums := make([]float64, b.B)
	err := m.predictions(b, func(p prediction) {
		l := share(m.weights, p.x)
		sums[p.row] += math.Log(l*p.net + (1-l)*p.grams)
	})
	return sums, err
}

// Decoder generates with the mixture.
func (m *Mixture) Decoder() model.Decoder { return &mixtureDecoder{m: m, net: m.net.Decoder()} }

type mixtureDecoder struct {
	m    *Mixture
	net  model.Decoder
	rows [][]int32 // the ids of each row
	logp []float32
}

// Feed implements model.Decoder. What it returns are log-probabilities.
func (d *mixtureDecoder) Feed(ids [][]int32) []float32 {
	if d.rows == nil {
		d.rows = make([][]int32, len(ids))
	}
	for r, fresh := range ids {
		d.rows[r] = append(d.rows[r], fresh...)
	}
	v := d.m.Vocab()
	d.logp = append(d.logp[:0], d.net.Feed(ids)...)
	targets, losses := make([]int32, len(ids)), make([]float64, len(ids))
	kernel.CrossEntropy(losses, d.logp, targets, v, 1, true)
	par.For(len(ids), 1, func(lo, hi int) {
		grams, x := make([]float64, v), make([]float32, d.m.features())
		for r := lo; r < hi; r++ {
			p, row := d.logp[r*v:][:v], d.rows[r]
			p[0]++ // the target
			before := gramContext(nil, d.m.grams, row, 0, len(row)-1)
			d.m.grams.Distribution(grams, before)
			d.m.describe(x, d.m.grams.Match(before), sumSquares(p), min(len(row), d.m.Context()))
			l := share(d.m.weights, x)
			for id := range p {
				p[id] = float32(math.Log(l*float64(p[id]) + (1-l)*grams[id]))
			}
		}
	})
	return d.logp
}

// Select implements model.Decoder.
func (d *mixtureDecoder) Select(rows []int) {
	d.net.Select(rows)
	next := make([][]int32, len(rows))
	for i, r := range rows {
		next[i] = append([]int32(nil), d.rows[r]...)
	}
	d.rows = next
}
