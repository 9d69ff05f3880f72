package model

import (
	"errors"
	"fmt"
	"math"

	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// NNLM is the settings of a feed-forward language model (Bengio et al. 2003):
// the embeddings of the last Order−1 ids side by side, one hidden layer of tanh,
// and a head.
type NNLM struct {
	Order   int     `yaml:"order" doc:"Ids of an n-gram: order-1 of them predict the next."`
	Width   int     `yaml:"width" doc:"Of the embedding and of what the head reads."`
	Hidden  int     `yaml:"hidden" doc:"Of the layer of tanh."`
	Dropout float32 `yaml:"dropout" doc:"Share dropped of the embeddings and of the hidden layer, while training."`
}

// Check implements Arch.
func (a *NNLM) Check() []fault.Fault {
	var f faults
	if a.Order < 2 || a.Order > 64 {
		f = append(f, fault.Fault{Path: "order", Err: fmt.Sprintf("%d is not in 2 … 64", a.Order), Hint: "5 is usual"})
	}
	f.positive("width", a.Width)
	f.positive("hidden", a.Hidden)
	f.rate("dropout", a.Dropout)
	return f
}

// Size implements Arch. Of each position the embeddings, the same side by side,
// the hidden layer twice and the states are kept.
func (a *NNLM) Size(vocab, context, rows int) Size {
	c, h, past, n := a.Width, a.Hidden, a.Order-1, rows*context
	params := (2*vocab+1)*c + past*c*h + h + h*c + c
	return size(params, 0, n*(2*past*c+2*h+c), n*2*past*c, n*c, headLogits(n, vocab))
}

// Build implements Arch. Matrices start from N(0, 1/in), embeddings from N(0, 0.1²).
func (a *NNLM) Build(vocab, context int, seed uint64) (LanguageModel, error) {
	if err := checkSize("nnlm", a, vocab, context); err != nil {
		return nil, err
	}
	return newNNLM(*a, vocab, context, nn.NewInit(seed)), nil
}

type nnlm struct {
	checkpoint
	NNLM
	vocab, context int

	TokenEmbedding *nn.Embedding `st:"embed"`  // (V+1, C); the last row is padding before a text
	HiddenLayer    *nn.Linear    `st:"hidden"` // (Order−1)·C → hidden
	OutputLayer    *nn.Linear    `st:"output"` // hidden → C
	LMHead         *nn.Embedding `st:"head"`   // (V, C)
}

func newNNLM(a NNLM, vocab, context int, d *nn.Init) *nnlm {
	in := (a.Order - 1) * a.Width
	return &nnlm{NNLM: a, vocab: vocab, context: context,
		TokenEmbedding: nn.NewEmbedding(vocab+1, a.Width, .1, d),
		HiddenLayer:    nn.NewLinear(in, a.Hidden, true, 1/math.Sqrt(float64(in)), d),
		OutputLayer:    nn.NewLinear(a.Hidden, a.Width, true, 1/math.Sqrt(float64(a.Hidden)), d),
		LMHead:         nn.NewEmbedding(vocab, a.Width, .1, d),
	}
}

// An nnlmPass is what a pass reads: of N positions the Order−1 last ids, the nearest of all N
// first, then the second nearest, …; and the embeddings of each of these.
type nnlmPass struct {
	past     [][]int32
	embedded []*tensor.Tensor // (N, C) each
}

func (m *nnlm) pass(tp *tensor.Tape) *nnlmPass {
	p := tensor.Temp[nnlmPass](tp)
	if n := m.Order - 1; len(p.past) != n {
		p.past, p.embedded = make([][]int32, n), make([]*tensor.Tensor, n)
	}
	return p
}

// forward takes the past of N positions to states (N, C).
func (m *nnlm) forward(tp *tensor.Tape, p *nnlmPass) *tensor.Tensor {
	for k, ids := range p.past {
		p.embedded[k] = tp.Dropout(m.TokenEmbedding.Forward(tp, ids), m.Dropout)
	}
	h := tp.Tanh(m.HiddenLayer.Forward(tp, tp.Concat(p.embedded...))) // (N, hidden)
	return m.OutputLayer.Forward(tp, h)                               // (N, C)
}

func (m *nnlm) Params() []nn.Param   { return nn.Params(m) }
func (m *nnlm) Width() int           { return m.NNLM.Width }
func (m *nnlm) Context() int         { return m.context }
func (m *nnlm) Vocab() int           { return m.vocab }
func (m *nnlm) Head() *tensor.Tensor { return m.LMHead.W }

func (m *nnlm) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	pass := m.pass(tp)
	past := pass.past
	for k := range past {
		past[k] = tp.Ints(b.B * b.T)
		for i := range past[k] {
			switch {
			case k > 0 && past[k-1][i] == int32(m.vocab), i%b.T < k, b.Docs != nil && b.Docs[i] != b.Docs[i-k]:
				past[k][i] = int32(m.vocab)
			default:
				past[k][i] = b.IDs[i-k]
			}
		}
	}
	return m.forward(tp, pass)
}

func (m *nnlm) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, m, b) }

// Decoder implements LanguageModel; rows may be as long as one likes.
func (m *nnlm) Decoder() Decoder { return &nnlmDecoder{m: m, tp: tensor.Scratch()} }

type nnlmDecoder struct {
	m    *nnlm
	tp   *tensor.Tape
	rows [][]int32 // the last Order−1 ids, the nearest last
}

// Feed implements Decoder.
func (d *nnlmDecoder) Feed(ids [][]int32) []float32 {
	d.tp.Reset()
	n := d.m.Order - 1
	if d.rows == nil {
		d.rows = make([][]int32, len(ids))
	}
	checkFeed(ids, len(d.rows))
	pass := d.m.pass(d.tp)
	for k := range pass.past {
		pass.past[k] = d.tp.Ints(len(ids))
	}
	for r, fresh := range ids {
		all := append(append([]int32(nil), d.rows[r]...), fresh...)
		d.rows[r] = all[max(0, len(all)-n):]
		for k := range pass.past {
			id := int32(d.m.vocab)
			if at := len(all) - 1 - k; at >= 0 {
				id = all[at]
			}
			pass.past[k][r] = id
		}
	}
	return d.tp.Linear(d.m.forward(d.tp, pass), d.m.Head(), nil).Data // (rows, V)
}

// Select implements Decoder.
func (d *nnlmDecoder) Select(rows []int) {
	next := make([][]int32, len(rows))
	for i, r := range rows {
		next[i] = d.rows[r]
	}
	d.rows = next
}

// nnlmConfig is config.json; no model of transformers is like it.
type nnlmConfig struct {
	ModelType string  `json:"model_type"`
	Vocab     int     `json:"vocab_size"`
	Positions int     `json:"max_position_embeddings"`
	Order     int     `json:"order"`
	Width     int     `json:"embedding_size"`
	Hidden    int     `json:"hidden_size"`
	Dropout   float32 `json:"dropout"`
}

func (m *nnlm) config() any {
	return nnlmConfig{"fragua_nnlm", m.vocab, m.context, m.Order, m.NNLM.Width, m.NNLM.Hidden, m.Dropout}
}

func openNNLM(c *config) (opened, error) {
	a := NNLM{Order: c.Int("order", 0), Width: c.Int("embedding_size", 0), Hidden: c.Int("hidden_size", 0), Dropout: float32(c.Float("dropout", 0))}
	vocab, positions := c.Int("vocab_size", 0), c.Int("max_position_embeddings", 0)
	if err := errors.Join(checkSize("nnlm", &a, vocab, positions), c.err()); err != nil {
		return opened{}, err
	}
	return opened{&a, vocab, positions, func(names) Model { return newNNLM(a, vocab, positions, nil) }}, nil
}
