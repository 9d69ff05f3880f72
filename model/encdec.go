package model

import (
	"cmp"
	"fmt"
	"math"

	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// EncDec is the settings of a transformer that reads one text and writes
// another (Vaswani et al. 2017), with GELU, and one embedding for source,
// target and head.
type EncDec struct {
	Encoder int     `yaml:"encoder" doc:"Blocks that read the source; many of them cost little when translating."`
	Decoder int     `yaml:"decoder" doc:"Blocks that write the target; few of them translate fast (Kasai et al. 2021)."`
	Heads   int     `yaml:"heads" doc:"Attention heads; each has width/heads features."`
	Width   int     `yaml:"width" doc:"Features of one position (hidden size)."`
	Hidden  int     `yaml:"hidden" doc:"Width of the feed-forward; 0: four times width."`
	Dropout float32 `yaml:"dropout" doc:"Share dropped of the embeddings and of what each part adds, while training."`
	Cell    Cell    `yaml:"cell" doc:"How the decoder reads what it has written: attention; or ssru, a recurrent unit that keeps one state instead of all keys and values, for small students that are to be fast (Kim et al. 2019). Other programs do not open models with ssru."`
	Norm    NormAt  `yaml:"norm" doc:"Where the layer norms stand. pre: before each part, which trains without a long warmup; post: after it, as the paper has them."`

	variant encDecVariant
}

// NormAt is where the layer norms of a block stand.
type NormAt string

// Before each part (Wang et al. 2019), or after its residual (Vaswani et al. 2017).
const (
	PreNorm  NormAt = "pre"
	PostNorm NormAt = "post"
)

// Values lists both.
func (NormAt) Values() []string { return []string{string(PreNorm), string(PostNorm)} }

// Cell is how a decoder reads what it has written.
type Cell string

// By attention to all of it, or by a recurrent unit.
const (
	Attends Cell = "attention"
	SSRU    Cell = "ssru"
)

// Values lists both.
func (Cell) Values() []string { return []string{string(Attends), string(SSRU)} }

// resolved is the settings with what was left to be computed.
func (e EncDec) resolved() EncDec {
	if e.Hidden == 0 {
		e.Hidden = 4 * e.Width
	}
	if e.Norm == PostNorm { // what MarianMTModel of transformers can open
		e.variant.postNorm, e.variant.logitBias, e.variant.activation = true, true, "gelu_new"
	}
	return e
}

// encDecVariant is what Marian and others do differently; the zero value is Pegasus.
type encDecVariant struct {
	class, modelType    string
	postNorm            bool // norms after each part, as the paper has them, and none at the end
	noScale             bool // embeddings are not multiplied by √width
	logitBias           bool
	activation          nn.Activation
	decHeads, decHidden int // 0: as the encoder
}

func (e *EncDec) decHeads() int  { return cmp.Or(e.variant.decHeads, e.Heads) }
func (e *EncDec) decHidden() int { return cmp.Or(e.variant.decHidden, e.Hidden) }

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
	f.positive("hidden", e.resolved().Hidden)
	f.divides("heads", e.Heads, "width", e.Width)
	f.divides("width", 2, "width", e.Width)
	f.rate("dropout", e.Dropout)
	if e.Cell == SSRU && e.Norm == PostNorm {
		f = append(f, fault.Fault{Path: "norm", Err: "with cell: ssru norms stand before each part", Hint: "norm: pre"})
	}
	return f
}

// Size implements Arch, for sources as long as targets. Attention keeps a norm,
// q, k, v, what it gives and adds (6C); the feed-forward a norm, itself before
// and after GELU, and what it adds.
func (e *EncDec) Size(vocab, context, rows int) Size {
	full := e.resolved()
	e = &full
	c, f, n := e.Width, max(e.Hidden, e.decHidden()), rows*context
	attend := 4*c*c + 6*c
	self := attend
	if e.Cell == SSRU {
		self = 2*c*c + 4*c
	}
	params := vocab*c + e.Encoder*(attend+2*c*e.Hidden+e.Hidden+3*c) + e.Decoder*(self+attend+2*c*e.decHidden()+e.decHidden()+3*c)
	if !e.variant.postNorm {
		params += 4 * c
	}
	parts := e.Encoder + 2*e.Decoder
	kept := 2*(4*c+2) + parts*(6*c+e.Heads+2) + (e.Encoder+e.Decoder)*(2*c+2*f+2)
	return size(params, parts*c*context, n*kept, n*3*c, n*c, headLogits(n, vocab))
}

// Build implements Arch. Weights start as GPT's do.
func (e *EncDec) Build(vocab, context int, seed uint64) (LanguageModel, error) {
	if err := checkSize("encdec", e, vocab, context); err != nil {
		return nil, err
	}
	return newEncDec(e.resolved(), vocab, context, nn.NewInit(seed)), nil
}

type encDec struct {
	checkpoint
	EncDec
	vocab, context int
	positions      *tensor.Tensor // (context, C)

	TokenEmbedding *nn.Embedding `st:"model.shared"` // (V, C)
	Enc            []*encBlock   `st:"model.encoder.layers"`
	EncNorm        *nn.LayerNorm `st:"model.encoder.layer_norm"`
	Dec            []*decBlock   `st:"model.decoder.layers"`
	DecNorm        *nn.LayerNorm `st:"model.decoder.layer_norm"`

	LogitBias *tensor.Tensor `st:"final_logits_bias"` // (1, V), never trained; nil: none
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
	Recur     *ssru         `st:"ssru"` // instead of Self
	Cross     *projections  `st:"encoder_attn"`
	CrossNorm *nn.LayerNorm `st:"encoder_attn_layer_norm"`
}

// An ssru takes x to ReLU of c, where c = σ(Forget x)·c before + (1 − σ(Forget x))·Input x.
type ssru struct { // both C → C
	Forget *nn.Linear `st:"forget"`
	Input  *nn.Linear `st:"input"`
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
	block := func(hidden int) encBlock {
		return encBlock{attention(), nn.NewLayerNorm(c.Width, eps), nn.NewLinear(c.Width, hidden, true, std, d),
			nn.NewLinear(hidden, c.Width, true, residual, d), nn.NewLayerNorm(c.Width, eps)}
	}
	m := &encDec{EncDec: c, vocab: vocab, context: context, positions: sinusoids(context, c.Width),
		TokenEmbedding: nn.NewEmbedding(vocab, c.Width, std, d),
	}
	if !c.variant.postNorm {
		m.EncNorm, m.DecNorm = nn.NewLayerNorm(c.Width, eps), nn.NewLayerNorm(c.Width, eps)
	}
	if c.variant.logitBias {
		m.LogitBias = tensor.New(1, vocab)
	}
	for range c.Encoder {
		b := block(c.Hidden)
		m.Enc = append(m.Enc, &b)
	}
	for range c.Decoder {
		b := &decBlock{block(c.decHidden()), nil, attention(), nn.NewLayerNorm(c.Width, eps)}
		if c.Cell == SSRU {
			b.Self, b.Recur = nil, &ssru{nn.NewLinear(c.Width, c.Width, true, std, d), nn.NewLinear(c.Width, c.Width, true, std, d)}
		}
		m.Dec = append(m.Dec, b)
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
	x := m.TokenEmbedding.Forward(tp, ids)
	if !m.variant.noScale {
		x = tp.Scale(x, float32(math.Sqrt(float64(m.EncDec.Width))))
	}
	return tp.Dropout(tp.AddTo(x, tp.Rows(m.positions, pos)), m.Dropout)
}

// encode takes a source to states (B·S, C).
func (m *encDec) encode(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	h := heads{layers: m.Encoder, n: m.Heads, kv: m.Heads, dim: m.EncDec.Width / m.Heads}
	at := h.inBatch(tp, b, false)
	x := m.embed(tp, b.IDs, positions(tp, b))
	for i, e := range m.Enc {
		x = e.attend(tp, x, i, at, &m.EncDec)
		x = e.feed(tp, x, &m.EncDec)
	}
	if m.EncNorm == nil {
		return x
	}
	return m.EncNorm.Forward(tp, x)
}

// A seq2seqContext is an attentionContext with cross-attention to the source.
type seq2seqContext interface {
	attentionContext
	cross(tp *tensor.Tape, layer int, q *tensor.Tensor, p *projections) *tensor.Tensor
	// recur is tensor.SSRU of a layer over what each row was fed.
	recur(tp *tensor.Tape, layer int, f, x *tensor.Tensor) *tensor.Tensor
}

// decode takes N ids at their positions to states (N, C).
func (m *encDec) decode(tp *tensor.Tape, ids, pos []int32, at seq2seqContext) *tensor.Tensor {
	x := m.embed(tp, ids, pos)
	for i, d := range m.Dec {
		if d.Recur != nil {
			x = d.recur(tp, x, i, at, &m.EncDec)
		} else {
			x = d.attend(tp, x, i, at, &m.EncDec)
		}
		x = m.sublayer(tp, d.CrossNorm, x, func(h *tensor.Tensor) *tensor.Tensor {
			q := d.Cross.Q.Forward(tp, h)                                              // (N, C)
			return d.Cross.Out.Residual(tp, at.cross(tp, i, q, d.Cross), x, m.Dropout) // (N, C)
		})
		x = d.feed(tp, x, &m.EncDec)
	}
	if m.DecNorm == nil {
		return x
	}
	return m.DecNorm.Forward(tp, x)
}

// sublayer is part of norm(x), or norm of part of x with postNorm. part adds x.
func (e *EncDec) sublayer(tp *tensor.Tape, norm *nn.LayerNorm, x *tensor.Tensor, part func(*tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	if e.variant.postNorm {
		return norm.Forward(tp, part(x))
	}
	return part(norm.Forward(tp, x))
}

func (b *encBlock) attend(tp *tensor.Tape, x *tensor.Tensor, layer int, at attentionContext, e *EncDec) *tensor.Tensor {
	return e.sublayer(tp, b.SelfNorm, x, func(h *tensor.Tensor) *tensor.Tensor {
		q, k, v := b.Self.Q.Forward(tp, h), b.Self.K.Forward(tp, h), b.Self.V.Forward(tp, h) // (N, C)
		h = at.attend(tp, layer, tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v})
		return b.Self.Out.Residual(tp, h, x, e.Dropout)
	})
}

func (b *decBlock) recur(tp *tensor.Tape, x *tensor.Tensor, layer int, at seq2seqContext, e *EncDec) *tensor.Tensor {
	return e.sublayer(tp, b.SelfNorm, x, func(h *tensor.Tensor) *tensor.Tensor {
		c := at.recur(tp, layer, tp.Sigmoid(b.Recur.Forget.Forward(tp, h)), b.Recur.Input.Forward(tp, h)) // (N, C)
		return tp.AddTo(tp.Dropout(tp.ReLU(c), e.Dropout), x)
	})
}

func (b *encBlock) feed(tp *tensor.Tape, x *tensor.Tensor, e *EncDec) *tensor.Tensor {
	return e.sublayer(tp, b.MLPNorm, x, func(h *tensor.Tensor) *tensor.Tensor {
		return cmp.Or(e.variant.activation, "gelu_new").MLP(tp, b.Up, b.Down, h, x, e.Dropout)
	})
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

func (s *batchSeq2Seq) recur(tp *tensor.Tape, _ int, f, x *tensor.Tensor) *tensor.Tensor {
	return tp.SSRU(f, x, s.shape.T)
}

func (m *encDec) Params() []nn.Param       { return nn.Params(m) }
func (m *encDec) Width() int               { return m.EncDec.Width }
func (m *encDec) Context() int             { return m.context }
func (m *encDec) Vocab() int               { return m.vocab }
func (m *encDec) Head() *tensor.Tensor     { return m.TokenEmbedding.W }
func (m *encDec) headBias() *tensor.Tensor { return m.LogitBias }

// alias implements tied arrays of checkpoints.
func (m *encDec) alias(name string) *tensor.Tensor {
	switch name {
	case "lm_head.weight", "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight":
		return m.TokenEmbedding.W
	}
	return nil
}

func (m *encDec) heads() heads {
	return heads{layers: m.EncDec.Decoder, n: m.decHeads(), kv: m.decHeads(), dim: m.EncDec.Width / m.decHeads()}
}

// Hidden implements Model: the decoder's states, or, without a Source, the encoder's.
func (m *encDec) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	s := b.Source
	if s == nil {
		return m.encode(tp, b)
	}
	return m.decode(tp, b.IDs, positions(tp, b), m.heads().toSource(tp, b, m.encode(tp, s)))
}

// toSource is attention in a batch, and to the states (B·S, C) of its source.
func (h heads) toSource(tp *tensor.Tape, b *Batch, states *tensor.Tensor) *batchSeq2Seq {
	at, s := tensor.Temp[batchSeq2Seq](tp), b.Source
	*at = batchSeq2Seq{h.inBatch(tp, b, true), states, kernel.Attention{B: b.B, T: b.T, S: s.T,
		Heads: h.n, KVHeads: h.kv, Dim: h.dim, Scale: h.scale(0)}}
	if s.Docs != nil {
		at.shape.KeyDocs = tp.Ints(len(s.Docs))
		for i, d := range s.Docs { // a target row reads its whole source row
			at.shape.KeyDocs[i] = min(d, 0)
		}
	}
	return at
}

func (m *encDec) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, m, b) }

// Decoder implements LanguageModel: it writes with nothing read.
func (m *encDec) Decoder() Decoder { return m.DecoderFor(nil) }

// DecoderFor implements Reader.
func (m *encDec) DecoderFor(source *Batch) Decoder {
	d := &seq2seqDecoder{decoder: decoder{m: m, tp: tensor.Scratch(), kvCache: kvCache{heads: m.heads()}}}
	if m.Cell == SSRU {
		d.recurrent = m.EncDec.Width
	}
	d.forward = func(tp *tensor.Tape, ids, pos []int32) *tensor.Tensor { return m.decode(tp, ids, pos, d) }
	if source != nil {
		d.read(m, source)
	}
	return d
}

func (m *encDec) cross(layer int) *projections { return m.Dec[layer].Cross }
