package model

import (
	"errors"
	"math"
	"slices"

	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// LSTM is the settings of a recurrent language model (Zaremba et al. 2014): an
// embedding, layers of long short-term memory, and a head; with the locked
// dropout and the dropout of weights of Merity et al. (2017, sections 2 and
// 4.1).
type LSTM struct {
	Layers        int     `yaml:"layers" doc:"Recurrent layers."`
	Width         int     `yaml:"width" doc:"Of the embedding and of what the last layer gives."`
	Hidden        int     `yaml:"hidden" doc:"Width of the layers before the last. 0: width."`
	Tied          bool    `yaml:"tied" doc:"The output layer is the embedding."`
	Dropout       float32 `yaml:"dropout" doc:"Share dropped of the embeddings and of what each layer gives, the same at every step of a row, while training."`
	WeightDropout float32 `yaml:"weight_dropout" doc:"Share dropped of the weights from step to step, the same for a whole batch, while training."`
}

// Check implements Arch.
func (l *LSTM) Check() []fault.Fault {
	var f faults
	f.positive("layers", l.Layers)
	f.positive("width", l.Width)
	if l.Hidden != 0 {
		f.positive("hidden", l.Hidden)
	}
	f.rate("dropout", l.Dropout)
	f.rate("weight_dropout", l.WeightDropout)
	return f
}

// widths are the inputs and outputs of the layers.
func (l *LSTM) widths() (w [][2]int) {
	in := l.Width
	for i := range l.Layers {
		out := l.Hidden
		if out == 0 || i == l.Layers-1 {
			out = l.Width
		}
		w = append(w, [2]int{in, out})
		in = out
	}
	return w
}

// Size implements Arch. Of each position a layer keeps the gates (4H), whose
// gradient takes their place, h and the cell, and with dropout a copy of h; the
// backward pass holds the gradient of h of one layer at a time.
func (l *LSTM) Size(vocab, context, rows int) Size {
	c, n := l.Width, rows*context
	params, kept, widest := vocab*c, 2*c, 0
	if !l.Tied {
		params += vocab * c
	}
	freed, dropped, copies := c, 0, 0
	if l.Dropout > 0 {
		copies = 1
	}
	for _, w := range slices.Backward(l.widths()) {
		params += 4*w[1]*(w[0]+w[1]) + 4*w[1]
		kept += (6 + copies) * w[1]
		widest = max(widest, (1+copies)*w[1]-freed)
		freed += (6 + copies) * w[1]
		if l.WeightDropout > 0 { // a copy of the weights, and one gradient at a time
			dropped += 4 * w[1] * w[1]
		}
	}
	if m := slices.MaxFunc(l.widths(), func(a, b [2]int) int { return a[1] - b[1] }); dropped > 0 {
		dropped += 4 * m[1] * m[1]
	}
	return size(params, 0, n*kept+dropped, n*widest, n*c, headLogits(n, vocab))
}

// Build implements Arch. The embedding starts evenly from ±0.1, as a tied head wants
// it, the weights of the step before from ±1/√H, as PyTorch's do, and forget gates
// open, with a bias of 1 (Jozefowicz et al. 2015). The weights of what comes from
// below are drawn so that the sums of the gates have a variance of about 1, whatever
// the size of their input (LeCun et al. 1998, section 4.6). With ±1/√H the second
// layer would see almost nothing of the embedding, and the model would give nothing but
// the frequency of each id for hundreds of steps.
func (l *LSTM) Build(vocab, context int, seed uint64) (LanguageModel, error) {
	if err := checkSize("lstm", l, vocab, context); err != nil {
		return nil, err
	}
	return newLSTM(*l, vocab, context, nn.NewInit(seed)), nil
}

type lstm struct {
	checkpoint
	LSTM
	vocab, context int

	TokenEmbedding *nn.Embedding `st:"encoder"` // (V, C)
	Layers         []*lstmLayer  `st:"rnn"`
	LMHead         *nn.Embedding `st:"decoder"` // (V, C); nil: tied
}

type lstmLayer struct {
	In *tensor.Tensor `st:"weight_ih"` // (4H, in)
	W  *tensor.Tensor `st:"weight_hh"` // (4H, H)
	B  *tensor.Tensor `st:"bias"`      // (4H)
}

func newLSTM(c LSTM, vocab, context int, d *nn.Init) *lstm {
	m := &lstm{LSTM: c, vocab: vocab, context: context, TokenEmbedding: &nn.Embedding{W: d.Uniform(.1, vocab, c.Width)}}
	input := .1 / math.Sqrt(3) // standard deviation of what a layer reads: of the embedding, then of h
	for _, w := range c.widths() {
		h := w[1]
		layer := &lstmLayer{d.Uniform(math.Sqrt(3/float64(w[0]))/input, 4*h, w[0]), d.Uniform(1/math.Sqrt(float64(h)), 4*h, h), tensor.Param(4 * h)}
		input = .5
		for i := range h {
			layer.B.Data[h+i] = 1
		}
		m.Layers = append(m.Layers, layer)
	}
	if !c.Tied {
		m.LMHead = &nn.Embedding{W: d.Uniform(.1, vocab, c.Width)}
	}
	return m
}

// forward takes T·B ids, time-major, to states (T·B, C), and the layers' states
// from before the first step to after the last.
func (m *lstm) forward(tp *tensor.Tape, ids []int32, rows int, fresh []bool, states []tensor.State) *tensor.Tensor {
	x := tp.LockedDropout(m.TokenEmbedding.Forward(tp, ids), rows, m.Dropout) // (T·B, C)
	for i, l := range m.Layers {
		w := tp.Dropped(l.W, l.W.Rows(), m.WeightDropout)
		x, states[i] = tp.LSTM(tp.Linear(x, l.In, l.B), w, rows, states[i], fresh) // (T·B, H)
		x = tp.Dropped(x, rows, m.Dropout)
	}
	return x
}

func (m *lstm) Params() []nn.Param { return nn.Params(m) }
func (m *lstm) Width() int         { return m.LSTM.Width }
func (m *lstm) Context() int       { return m.context }
func (m *lstm) Vocab() int         { return m.vocab }

func (m *lstm) Head() *tensor.Tensor {
	if m.LMHead == nil {
		return m.TokenEmbedding.W
	}
	return m.LMHead.W
}

// Hidden implements LanguageModel. Batch.State is h and c of each layer, B×H.
func (m *lstm) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	n, pass := b.B*b.T, tensor.Temp[lstmPass](tp)
	ids, order := tp.Ints(n), tp.Ints(n)
	var fresh []bool
	if b.Docs != nil {
		pass.fresh = slices.Grow(pass.fresh[:0], n)[:n]
		fresh = pass.fresh
	}
	for r := range b.B {
		for t := range b.T {
			i, at := r*b.T+t, t*b.B+r
			ids[at], order[i] = b.IDs[i], int32(at)
			if fresh != nil {
				fresh[at] = t > 0 && b.Docs[i] != b.Docs[i-1]
			}
		}
	}
	if !m.fits(b.State, b.B) {
		b.State = m.zeros(b.B)
	} else if !b.Resume {
		for _, s := range b.State {
			clear(s)
		}
	}
	pass.states = pass.states[:0]
	for i := range m.Layers {
		pass.states = append(pass.states, tensor.State{H: b.State[2*i], C: b.State[2*i+1]})
	}
	x := m.forward(tp, ids, b.B, fresh, pass.states)
	for i, s := range pass.states {
		copy(b.State[2*i], s.H)
		copy(b.State[2*i+1], s.C)
	}
	return tp.Rows(x, order) // (B·T, C)
}

// An lstmPass is the working memory of one batch.
type lstmPass struct {
	fresh  []bool // of each position, whether a document begins
	states []tensor.State
}

// zeros is the state of this many rows before any text.
func (m *lstm) zeros(rows int) (state [][]float32) {
	for _, l := range m.Layers {
		n := rows * l.W.Cols()
		state = append(state, make([]float32, n), make([]float32, n))
	}
	return state
}

// fits reports whether a state is of this model and this many rows.
func (m *lstm) fits(state [][]float32, rows int) bool {
	if len(state) != 2*len(m.Layers) {
		return false
	}
	for i, l := range m.Layers {
		if n := rows * l.W.Cols(); len(state[2*i]) != n || len(state[2*i+1]) != n {
			return false
		}
	}
	return true
}

func (m *lstm) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, m, b) }

// Decoder implements LanguageModel. A recurrent model's memory has no end, so
// rows may be as long as one likes.
func (m *lstm) Decoder() Decoder { return &lstmDecoder{m: m, tp: tensor.Scratch()} }

type lstmDecoder struct {
	m    *lstm
	tp   *tensor.Tape
	rows [][]tensor.State // by row, then layer
}

// Feed implements Decoder: all rows that still have an id go one step together.
func (d *lstmDecoder) Feed(ids [][]int32) []float32 {
	d.tp.Reset()
	if d.rows == nil {
		d.rows = make([][]tensor.State, len(ids))
		for r := range d.rows {
			d.rows[r] = make([]tensor.State, len(d.m.Layers))
			for i, l := range d.m.Layers {
				d.rows[r][i] = tensor.State{H: make([]float32, l.W.Cols()), C: make([]float32, l.W.Cols())}
			}
		}
	}
	checkFeed(ids, len(d.rows))
	last := tensor.New(len(ids), d.m.Width())
	for t := 0; ; t++ {
		var going []int
		var step []int32
		for r := range ids {
			if t < len(ids[r]) {
				going, step = append(going, r), append(step, ids[r][t])
			}
		}
		if len(going) == 0 {
			break
		}
		states := d.gather(going)
		x := d.m.forward(d.tp, step, len(going), nil, states)
		for i, r := range going {
			copy(last.Data[r*x.Cols():], x.Data[i*x.Cols():][:x.Cols()])
		}
		d.scatter(going, states)
		d.tp.Reset()
	}
	return d.tp.Linear(last, d.m.Head(), nil).Data // (rows, V)
}

// gather sets the states of some rows one under the other.
func (d *lstmDecoder) gather(rows []int) []tensor.State {
	states := make([]tensor.State, len(d.m.Layers))
	for i := range states {
		for _, r := range rows {
			s := d.rows[r][i]
			states[i].H, states[i].C = append(states[i].H, s.H...), append(states[i].C, s.C...)
		}
	}
	return states
}

func (d *lstmDecoder) scatter(rows []int, states []tensor.State) {
	for i, l := range d.m.Layers {
		n := l.W.Cols()
		for at, r := range rows {
			d.rows[r][i] = tensor.State{H: slices.Clone(states[i].H[at*n:][:n]), C: slices.Clone(states[i].C[at*n:][:n])}
		}
	}
}

// Select implements Decoder. States are never changed in place, so rows may share them.
func (d *lstmDecoder) Select(rows []int) {
	next := make([][]tensor.State, len(rows))
	for i, r := range rows {
		next[i] = append([]tensor.State(nil), d.rows[r]...)
	}
	d.rows = next
}

// lstmConfig is config.json; no model of transformers is like it.
type lstmConfig struct {
	ModelType     string  `json:"model_type"`
	Vocab         int     `json:"vocab_size"`
	Positions     int     `json:"max_position_embeddings"`
	Layers        int     `json:"num_hidden_layers"`
	Width         int     `json:"embedding_size"`
	Hidden        int     `json:"hidden_size"`
	Tied          bool    `json:"tie_word_embeddings"`
	Dropout       float32 `json:"dropout"`
	WeightDropout float32 `json:"weight_dropout"`
}

func (m *lstm) config() any {
	return lstmConfig{"fragua_lstm", m.vocab, m.context, m.LSTM.Layers, m.LSTM.Width, m.LSTM.Hidden, m.Tied, m.Dropout, m.WeightDropout}
}

func openLSTM(c *config) (opened, error) {
	l := LSTM{Layers: c.Int("num_hidden_layers", 0), Width: c.Int("embedding_size", 0), Hidden: c.Int("hidden_size", 0),
		Tied: c.Bool("tie_word_embeddings", false), Dropout: float32(c.Float("dropout", 0)), WeightDropout: float32(c.Float("weight_dropout", 0))}
	vocab, positions := c.Int("vocab_size", 0), c.Int("max_position_embeddings", 0)
	if err := errors.Join(checkSize("lstm", &l, vocab, positions), c.err()); err != nil {
		return opened{}, err
	}
	return opened{&l, vocab, positions, func(names) Model { return newLSTM(l, vocab, positions, nil) }}, nil
}
