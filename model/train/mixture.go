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
// of a learned gate). On top of both lies a cache of the text itself. All
// weights are learned on text that neither model saw.
type Mixture struct {
	net   model.LanguageModel
	grams *ngram.Model
	mixtureWeights
	tp *tensor.Tape
}

// mixtureWeights are what a mixture learns.
type mixtureWeights struct {
	share []float64   // λ's, of its features in their order
	gates [][]float64 // the cache's, of contexts of 0, 1, 2 … ids; none: no cache
}

// newMixture puts the parts together. The weights are nil until they are learned.
func newMixture(net model.LanguageModel, grams *ngram.Model, w mixtureWeights) (*Mixture, error) {
	m := &Mixture{net: net, grams: grams, mixtureWeights: w, tp: tensor.Scratch()}
	switch n := m.features(); {
	case net.Vocab() != grams.Vocab():
		return nil, fmt.Errorf("the network has %d ids, the n-gram model %d: both must come from the same blocks", net.Vocab(), grams.Vocab())
	case w.share == nil:
		m.share = make([]float64, n)
	case len(w.share) != n:
		return nil, fmt.Errorf("a mixture of order %d has %d weights, not %d", grams.Order(), n, len(w.share))
	case len(w.gates) > maxCache:
		return nil, fmt.Errorf("a cache of order %d, but %d is the longest", len(w.gates), maxCache)
	}
	for _, g := range w.gates {
		if len(g) != perGate {
			return nil, fmt.Errorf("a gate has %d weights, not %d", perGate, len(g))
		}
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

// describe writes the features of a context of this many ids: what the n-gram
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
	at         int       // of the batch's ids: the last before the target
	net, grams float64   // the probability that each gives the target
	x          []float32 // features of the context
	sumSquares float64   // of the network's distribution
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
				before = gramContext(before[:0], m.grams.Order(), m.grams.End(), b.IDs, from, at)
				x, sure := xs[i*n:][:n], sumSquares(p)
				m.describe(x, m.grams.Match(before), sure, at+1-from)
				out[i] = prediction{r, at, math.Exp(-losses[i]), math.Exp(m.grams.LogProb(before, targets[i])), x, sure}
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

// gramContext appends what n-grams of an order look at for the id after ids[at], in a text that
// begins at ids[from].
func gramContext(dst []int32, order int, end int32, ids []int32, from, at int) []int32 {
	if order == 0 {
		return dst
	}
	first := at + 2 - order
	if first < from {
		first, dst = from, append(dst, end) // what begins a text
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

// Score implements model.Scorer: each row is a text of its own, of which nothing was read before.
func (m *Mixture) Score(b *model.Batch) ([]float64, error) {
	sums, row, c := make([]float64, b.B), 0, m.newCache()
	err := m.predictions(b, func(p prediction) {
		if p.row != row {
			row, c = p.row, m.newCache()
		}
		sums[p.row] += m.read(c, b, p)
	})
	return sums, err
}

// Reading implements Reader: the cache keeps what was read in all batches so far.
func (m *Mixture) Reading() model.Scorer { return &reading{m, m.newCache()} }

type reading struct {
	m *Mixture
	c *cache
}

func (r *reading) Score(b *model.Batch) ([]float64, error) {
	sums := make([]float64, b.B)
	err := r.m.predictions(b, func(p prediction) { sums[p.row] += r.m.read(r.c, b, p) })
	return sums, err
}

func (m *Mixture) newCache() *cache { return newCache(len(m.gates), m.grams.End()) }

// read returns log p of a target of the batch, and only then counts it.
func (m *Mixture) read(c *cache, b *model.Batch, p prediction) float64 {
	var context [maxCache + 1]int32
	var said [maxCache]outlook
	before := gramContext(context[:0], len(m.gates), m.grams.End(), b.IDs, documentBegin(b, p.at), p.at)
	target := b.Targets[p.at]
	prob := m.predict(p.net, p.grams, p.x, c.outlooks(said[:0], before, p.sumSquares, target))
	c.add(before, target)
	return math.Log(prob)
}

// predict is the mixture's probability of a target, from what its parts say.
func (w *mixtureWeights) predict(net, grams float64, x []float32, said []outlook) float64 {
	l := share(w.share, x)
	p := l*net + (1-l)*grams
	for k := range said {
		g := gate(w.gates[k], &said[k].x)
		p = g*p + (1-g)*said[k].share
	}
	return p
}
