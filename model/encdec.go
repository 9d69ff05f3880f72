package model

import (
	"encoding/json"
	"fmt"
	"math"

	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// EncDec is the settings of a transformer that reads one text and writes
// another (Vaswani et al. 2017), with the norms before each part (Wang et al.
// 2019), GELU, and one embedding for source, target and head.
type EncDec struct {
	Encoder int     `yaml:"encoder" doc:"Blocks that read the source."`
	Decoder int     `yaml:"decoder" doc:"Blocks that write the target."`
	Heads   int     `yaml:"heads" doc:"Attention heads; each has width/heads features."`
	Width   int     `yaml:"width" doc:"Features of one position (hidden size)."`
	Hidden  int     `yaml:"hidden" doc:"Width of the feed-forward."`
	Dropout float32 `yaml:"dropout" doc:"Share dropped of the embeddings and of what each part adds, while training."`
}

// A Seq2Seq is a model that reads Batch.Source before it writes.
type Seq2Seq interface {
	LanguageModel
	// DecoderFor returns a decoder with a row for each row of the source. Where
	// Docs are given, positions of document -1 are padding.
	DecoderFor(source *Batch) Decoder
}

// Check implements Arch.
func (e *EncDec) Check() []fault.Fault {
	var f faults
	for _, s := range []struct {
		name string
		n    int
	}{{"encoder", e.Encoder}, {"decoder", e.Decoder}} {
		if s.n < 1 || s.n > mostLayers {
			f = append(f, fault.Fault{Path: s.name, Err: fmt.Sprintf("%d is not in 1 … %d", s.n, mostLayers)})
		}
	}
	f.positive("heads", e.Heads)
	f.positive("width", e.Width)
	f.positive("hidden", e.Hidden)
	f.divides("heads", e.Heads, "width", e.Width)
	f.divides("width", 2, "width", e.Width)
	f.rate("dropout", e.Dropout)
	return f
}

// Size implements Arch, for sources as long as targets. Attention keeps a norm,
// q, k, v, what it gives and adds (6C); the feed-forward a norm, itself before
// and after GELU, and what it adds.
func (e *EncDec) Size(vocab, context, rows int) Size {
	c, f, n := e.Width, e.Hidden, rows*context
	attend, feed := 4*c*c+6*c, 2*c*f+f+3*c
	params := vocab*c + e.Encoder*(attend+feed) + e.Decoder*(2*attend+feed) + 4*c
	parts := e.Encoder + 2*e.Decoder
	kept := 2*(4*c+2) + parts*(6*c+e.Heads+2) + (e.Encoder+e.Decoder)*(2*c+2*f+2)
	return size(params, parts*c*context, n*kept, n*3*c, n*c, headLogits(n, vocab))
}

// Build implements Arch. Weights start as GPT's do.
func (e *EncDec) Build(vocab, context int, seed uint64) (LanguageModel, error) {
	if err := checkSize("encdec", e, vocab, context); err != nil {
		return nil, err
	}
	return newEncDec(*e, vocab, context, nn.NewInit(seed)), nil
}

type encDec struct {
	EncDec
	vocab, context int
	positions      *tensor.Tensor // (context, C)

	TokenEmbedding *nn.Embedding `st:"model.shared"` // (V, C)
	Enc            []*encBlock   `st:"model.encoder.layers"`
	EncNorm        *nn.LayerNorm `st:"model.encoder.layer_norm"`
	Dec            []*decBlock   `st:"model.decoder.layers"`
	DecNorm        *nn.LayerNorm `st:"model.decoder.layer_norm"`
}

type encBlock struct {
	Self     *projections  `st:"self_attn"`
	SelfNorm *nn.LayerNorm `st:"self_attn_layer_norm"`
	Up       *nn.Linear    `st:"fc1"` // C → hidden
	Down     *nn.Linear    `st:"fc2"` // hidden → C
	MLPNorm  *nn.LayerNorm `st:"final_layer_norm"`
}

type decBlock struct {
	encBlock  `st:""`
	Cross     *projections  `st:"encoder_attn"`
	CrossNorm *nn.LayerNorm `st:"encoder_attn_layer_norm"`
}

type projections struct { // all C → C
	Q   *nn.Linear `st:"q_proj"`
	K   *nn.Linear `st:"k_proj"`
	V   *nn.Linear `st:"v_proj"`
	Out *nn.Linear `st:"out_proj"`
}

func newEncDec(c EncDec, vocab, context int, d *nn.Init) *encDec {
	const std, eps = 0.02, 1e-5
	residual := std / math.Sqrt(2*float64(c.Encoder+c.Decoder))
	attention := func() *projections {
		return &projections{nn.NewLinear(c.Width, c.Width, true, std, d), nn.NewLinear(c.Width, c.Width, true, std, d),
			nn.NewLinear(c.Width, c.Width, true, std, d), nn.NewLinear(c.Width, c.Width, true, residual, d)}
	}
	block := func() encBlock {
		return encBlock{attention(), nn.NewLayerNorm(c.Width, eps), nn.NewLinear(c.Width, c.Hidden, true, std, d),
			nn.NewLinear(c.Hidden, c.Width, true, residual, d), nn.NewLayerNorm(c.Width, eps)}
	}
	m := &encDec{EncDec: c, vocab: vocab, context: context, positions: sinusoids(context, c.Width),
		TokenEmbedding: nn.NewEmbedding(vocab, c.Width, std, d),
		EncNorm:        nn.NewLayerNorm(c.Width, eps),
		DecNorm:        nn.NewLayerNorm(c.Width, eps),
	}
	for range c.Encoder {
		b := block()
		m.Enc = append(m.Enc, &b)
	}
	for range c.Decoder {
		m.Dec = append(m.Dec, &decBlock{block(), attention(), nn.NewLayerNorm(c.Width, eps)})
	}
	return m
}

// sinusoids are the positions of the paper's section 3.5, sines in the first
// half of the features and cosines in the second, as transformers lays them out.
func sinusoids(context, width int) *tensor.Tensor {
	t := tensor.New(context, width)
	for p := range context {
		for i := range width / 2 {
			s, c := math.Sincos(float64(p) * math.Pow(10000, -2*float64(i)/float64(width)))
			t.Data[p*width+i], t.Data[p*width+width/2+i] = float32(s), float32(c)
		}
	}
	return t
}

// embed takes N ids at their positions to (N, C).
func (m *encDec) embed(tp *tensor.Tape, ids, pos []int32) *tensor.Tensor {
	x := tp.Scale(m.TokenEmbedding.Forward(tp, ids), float32(math.Sqrt(float64(m.EncDec.Width))))
	return tp.Dropout(tp.AddTo(x, tp.Rows(m.positions, pos)), m.Dropout)
}

// encode takes a source to states (B·S, C).
func (m *encDec) encode(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	at := m.heads().inBatch(tp, b)
	at.Causal = false
	x := m.embed(tp, b.IDs, positions(tp, b))
	for i, e := range m.Enc {
		x = e.attend(tp, x, i, at, m.Dropout)
		x = e.feed(tp, x, m.Dropout)
	}
	return m.EncNorm.Forward(tp, x)
}

// A seq2seqContext is where a decoder's queries find the source.
type seq2seqContext interface {
	attentionContext
	cross(tp *tensor.Tape, layer int, q *tensor.Tensor, p *projections) *tensor.Tensor
}

// decode takes N ids at their positions to states (N, C).
func (m *encDec) decode(tp *tensor.Tape, ids, pos []int32, at seq2seqContext) *tensor.Tensor {
	x := m.embed(tp, ids, pos)
	for i, d := range m.Dec {
		x = d.attend(tp, x, i, at, m.Dropout)
		q := d.Cross.Q.Forward(tp, d.CrossNorm.Forward(tp, x))                  // (N, C)
		x = d.Cross.Out.Residual(tp, at.cross(tp, i, q, d.Cross), x, m.Dropout) // (N, C)
		x = d.feed(tp, x, m.Dropout)
	}
	return m.DecNorm.Forward(tp, x)
}

func (b *encBlock) attend(tp *tensor.Tape, x *tensor.Tensor, layer int, at attentionContext, dropout float32) *tensor.Tensor {
	h := b.SelfNorm.Forward(tp, x)
	q, k, v := b.Self.Q.Forward(tp, h), b.Self.K.Forward(tp, h), b.Self.V.Forward(tp, h) // (N, C)
	h = at.attend(tp, layer, tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v})
	return b.Self.Out.Residual(tp, h, x, dropout)
}

func (b *encBlock) feed(tp *tensor.Tape, x *tensor.Tensor, dropout float32) *tensor.Tensor {
	return nn.FeedForward(tp, b.Up, b.Down, b.MLPNorm.Forward(tp, x), x, dropout)
}

// batchSeq2Seq is attention within a batch and to the source's states.
type batchSeq2Seq struct {
	*inBatch
	states *tensor.Tensor // (B·S, C)
	shape  kernel.Attention
}

func (s *batchSeq2Seq) cross(tp *tensor.Tape, _ int, q *tensor.Tensor, p *projections) *tensor.Tensor {
	k, v := p.K.Forward(tp, s.states), p.V.Forward(tp, s.states) // (B·S, C)
	return tp.Attention(tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v}, s.shape)
}

func (m *encDec) Params() []nn.Param   { return nn.Params(m) }
func (m *encDec) Width() int           { return m.EncDec.Width }
func (m *encDec) Context() int         { return m.context }
func (m *encDec) Vocab() int           { return m.vocab }
func (m *encDec) Head() *tensor.Tensor { return m.TokenEmbedding.W }
func (m *encDec) heads() heads {
	return heads{m.EncDec.Decoder, m.Heads, m.Heads, m.EncDec.Width / m.Heads}
}

// Hidden implements LanguageModel; the batch must have a Source of as many rows.
func (m *encDec) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	s := b.Source
	at := tensor.Temp[batchSeq2Seq](tp)
	*at = batchSeq2Seq{m.heads().inBatch(tp, b), m.encode(tp, s), kernel.Attention{B: b.B, T: b.T, S: s.T,
		Heads: m.Heads, KVHeads: m.Heads, Dim: m.EncDec.Width / m.Heads}}
	if s.Docs != nil {
		at.shape.KeyDocs = tp.Ints(len(s.Docs))
		for i, d := range s.Docs { // a target row reads its whole source row
			at.shape.KeyDocs[i] = min(d, 0)
		}
	}
	return m.decode(tp, b.IDs, positions(tp, b), at)
}

func (m *encDec) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, m, b) }

// Decoder implements LanguageModel: it writes with nothing read.
func (m *encDec) Decoder() Decoder { return m.DecoderFor(nil) }

// DecoderFor implements Reader.
func (m *encDec) DecoderFor(source *Batch) Decoder {
	d := &seq2seqDecoder{decoder: decoder{m: m, tp: tensor.Scratch(), kvCache: kvCache{heads: m.heads()}}}
	d.forward = func(tp *tensor.Tape, ids, pos []int32) *tensor.Tensor { return m.decode(tp, ids, pos, d) }
	if source != nil {
		d.read(m, source)
	}
	return d
}

// seq2seqDecoder is a decoder with the source's keys and values of each row and layer,
// which never change.
type seq2seqDecoder struct {
	decoder
	source []*kvRow
}

func (d *seq2seqDecoder) read(m *encDec, b *Batch) {
	tp := tensor.Scratch()
	states := m.encode(tp, b)
	for r := range b.B {
		h := d.empty()
		for t := range b.T {
			if b.Docs == nil || b.Docs[r*b.T+t] >= 0 {
				h.ids = append(h.ids, b.IDs[r*b.T+t])
			}
		}
		h.reserve(d.heads, len(h.ids), 0)
		d.source = append(d.source, h)
	}
	for l, block := range m.Dec {
		k, v := tensor.Heads{X: block.Cross.K.Forward(tp, states)}, tensor.Heads{X: block.Cross.V.Forward(tp, states)}
		for r, h := range d.source {
			to := 0
			for t := range b.T {
				if b.Docs == nil || b.Docs[r*b.T+t] >= 0 {
					h.write(d.heads, l, to, 1, r*b.T+t, k, v)
					to++
				}
			}
		}
	}
}

// cross implements seq2seqContext.
func (d *seq2seqDecoder) cross(tp *tensor.Tape, layer int, q *tensor.Tensor, _ *projections) *tensor.Tensor {
	d.keys, d.values, d.lengths = d.keys[:0], d.values[:0], d.lengths[:0]
	for r := range d.rows {
		var k, v []float32
		n := 0
		if d.source != nil {
			k, v, n = d.source[r].k[layer], d.source[r].v[layer], len(d.source[r].ids)
		}
		d.keys, d.values, d.lengths = append(d.keys, k), append(d.values, v), append(d.lengths, n)
	}
	return d.attendRows(tp, tensor.Heads{X: q}, false)
}

// Feed implements Decoder; there are as many rows as the source has.
func (d *seq2seqDecoder) Feed(ids [][]int32) []float32 {
	if d.source != nil {
		checkFeed(ids, len(d.source))
	}
	return d.decoder.Feed(ids)
}

// Select implements Decoder.
func (d *seq2seqDecoder) Select(rows []int) {
	d.decoder.Select(rows)
	if d.source == nil {
		return
	}
	next := make([]*kvRow, len(rows))
	for i, r := range rows {
		next[i] = d.source[r]
	}
	d.source = next
}

// encDecConfig is config.json as transformers' PegasusConfig has it.
type encDecConfig struct {
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`
	Vocab         int      `json:"vocab_size"`
	Positions     int      `json:"max_position_embeddings"`
	Width         int      `json:"d_model"`
	Encoder       int      `json:"encoder_layers"`
	Decoder       int      `json:"decoder_layers"`
	EncHeads      int      `json:"encoder_attention_heads"`
	DecHeads      int      `json:"decoder_attention_heads"`
	EncHidden     int      `json:"encoder_ffn_dim"`
	DecHidden     int      `json:"decoder_ffn_dim"`
	Activation    string   `json:"activation_function"`
	Dropout       float32  `json:"dropout"`
	Scale         bool     `json:"scale_embedding"`
	Tied          bool     `json:"tie_word_embeddings"`
}

func (m *encDec) config() any {
	e := m.EncDec
	return encDecConfig{[]string{"PegasusForConditionalGeneration"}, "pegasus", m.vocab, m.context, e.Width, e.Encoder, e.Decoder,
		e.Heads, e.Heads, e.Hidden, e.Hidden, "gelu_new", e.Dropout, true, true}
}

func openEncDec(config []byte) (opened, error) {
	c := encDecConfig{Tied: true}
	if err := json.Unmarshal(config, &c); err != nil {
		return opened{}, err
	}
	switch {
	case c.Activation != "gelu_new":
		return opened{}, fmt.Errorf("activation_function is %q, want gelu_new", c.Activation)
	case !c.Scale || !c.Tied:
		return opened{}, fmt.Errorf("scale_embedding or tie_word_embeddings is false, want true")
	case c.EncHeads != c.DecHeads || c.EncHidden != c.DecHidden:
		return opened{}, fmt.Errorf("encoder and decoder differ in heads or ffn_dim")
	}
	e := EncDec{Encoder: c.Encoder, Decoder: c.Decoder, Heads: c.EncHeads, Width: c.Width, Hidden: c.EncHidden, Dropout: c.Dropout}
	if err := checkSize("pegasus", &e, c.Vocab, c.Positions); err != nil {
		return opened{}, err
	}
	return opened{&e, c.Vocab, c.Positions, func() LanguageModel { return newEncDec(e, c.Vocab, c.Positions, nil) }}, nil
}
