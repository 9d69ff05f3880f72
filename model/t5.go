package model

import (
	"errors"
	"math"
	"strings"

	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// T5 is the settings of a T5 (Raffel et al. 2020): an encoder and a decoder without biases, RMS
// norms before each part, and no positions but a bias of the scores by distance. Version 1.1 has
// a gate in the feed-forward and a head of its own.
type T5 struct {
	Encoder, Decoder, Heads, Dim, Width, Hidden int // Dim: features of a head
	Dropout                                     float32

	buckets, farthest int // of the biases
	activation        nn.Activation
	gated, scaled     bool // scaled: states are divided by √width before the head
}

// Check implements Arch.
func (t *T5) Check() []fault.Fault {
	var f faults
	f.positive("layers", t.Encoder)
	f.positive("layers", t.Decoder)
	f.positive("num_heads", t.Heads)
	f.positive("d_kv", t.Dim)
	f.positive("d_model", t.Width)
	f.positive("d_ff", t.Hidden)
	f.positive("relative_attention_num_buckets", t.buckets)
	f.positive("relative_attention_max_distance", t.farthest)
	f.rate("dropout_rate", t.Dropout)
	return f
}

// Size implements Arch, as EncDec's.
func (t *T5) Size(vocab, context, rows int) Size {
	c, q, f, n := t.Width, t.Heads*t.Dim, t.Hidden, rows*context
	mlp := 2 * c * f
	if t.gated {
		mlp += c * f
	}
	params := vocab*c + t.Encoder*(4*c*q+mlp+2*c) + t.Decoder*(8*c*q+mlp+3*c) + 2*c + 2*t.buckets*t.Heads
	parts := t.Encoder + 2*t.Decoder
	kept := 4*c + parts*(2*c+4*q+t.Heads+1) + (t.Encoder+t.Decoder)*(2*c+4*f+1)
	return size(params, parts*q*context, n*kept, n*3*c, n*c, headLogits(n, vocab))
}

// Build implements Arch.
func (t *T5) Build(int, int, uint64) (LanguageModel, error) {
	return nil, errors.New("t5: it is opened, not trained from nothing; encdec is")
}

type t5 struct {
	checkpoint
	T5
	vocab, context int

	TokenEmbedding *nn.Embedding `st:"shared"`                                                        // (V, C)
	EncBias        *nn.Embedding `st:"encoder.block.0.layer.0.SelfAttention.relative_attention_bias"` // (buckets, H)
	DecBias        *nn.Embedding `st:"decoder.block.0.layer.0.SelfAttention.relative_attention_bias"` // (buckets, H)
	Enc            []*t5EncBlock `st:"encoder.block"`
	EncNorm        *nn.RMSNorm   `st:"encoder.final_layer_norm"`
	Dec            []*t5DecBlock `st:"decoder.block"`
	DecNorm        *nn.RMSNorm   `st:"decoder.final_layer_norm"`
	LMHead         *nn.Embedding `st:"lm_head"` // (V, C); nil: tied
}

type t5EncBlock struct {
	Self     *t5Attention `st:"layer.0.SelfAttention"`
	SelfNorm *nn.RMSNorm  `st:"layer.0.layer_norm"`
	MLP      *t5MLP       `st:"layer.1.DenseReluDense"`
	MLPNorm  *nn.RMSNorm  `st:"layer.1.layer_norm"`
}

type t5DecBlock struct {
	Self      *t5Attention `st:"layer.0.SelfAttention"`
	SelfNorm  *nn.RMSNorm  `st:"layer.0.layer_norm"`
	Cross     *t5Attention `st:"layer.1.EncDecAttention"`
	CrossNorm *nn.RMSNorm  `st:"layer.1.layer_norm"`
	MLP       *t5MLP       `st:"layer.2.DenseReluDense"`
	MLPNorm   *nn.RMSNorm  `st:"layer.2.layer_norm"`
}

type t5Attention struct {
	Q   *nn.Linear `st:"q"` // C → H·D
	K   *nn.Linear `st:"k"` // C → H·D
	V   *nn.Linear `st:"v"` // C → H·D
	Out *nn.Linear `st:"o"` // H·D → C
}

type t5MLP struct {
	In   *nn.Linear `st:"wi"`   // C → F; nil where there is a gate
	Gate *nn.Linear `st:"wi_0"` // C → F
	Up   *nn.Linear `st:"wi_1"` // C → F
	Down *nn.Linear `st:"wo"`   // F → C
}

func newT5(t T5, vocab, context int, eps float32, untied bool) *t5 {
	c, q := t.Width, t.Heads*t.Dim
	linear := func(in, out int) *nn.Linear { return nn.NewLinear(in, out, false, 0, nil) }
	norm := func() *nn.RMSNorm { return nn.NewRMSNorm(c, eps) }
	attention := func() *t5Attention { return &t5Attention{linear(c, q), linear(c, q), linear(c, q), linear(q, c)} }
	mlp := func() *t5MLP {
		if t.gated {
			return &t5MLP{Gate: linear(c, t.Hidden), Up: linear(c, t.Hidden), Down: linear(t.Hidden, c)}
		}
		return &t5MLP{In: linear(c, t.Hidden), Down: linear(t.Hidden, c)}
	}
	m := &t5{T5: t, vocab: vocab, context: context, TokenEmbedding: nn.NewEmbedding(vocab, c, 0, nil),
		EncBias: nn.NewEmbedding(t.buckets, t.Heads, 0, nil), DecBias: nn.NewEmbedding(t.buckets, t.Heads, 0, nil),
		EncNorm: norm(), DecNorm: norm()}
	for range t.Encoder {
		m.Enc = append(m.Enc, &t5EncBlock{attention(), norm(), mlp(), norm()})
	}
	for range t.Decoder {
		m.Dec = append(m.Dec, &t5DecBlock{attention(), norm(), attention(), norm(), mlp(), norm()})
	}
	if untied {
		m.LMHead = nn.NewEmbedding(vocab, c, 0, nil)
	}
	return m
}

// bias is the table of biases by distance (2·farthest+1, H).
func (t *T5) bias(tp *tensor.Tape, w *nn.Embedding, causal bool) *tensor.Tensor {
	rows := tp.Ints(2*t.farthest + 1)
	for i := range rows {
		rows[i] = t.bucket(i-t.farthest, causal)
	}
	return w.Forward(tp, rows)
}

// bucket is that of a key so far behind the query: one each for near ones, then ever wider ones up
// to the farthest. Without a causal mask one half is for keys before the query.
func (t *T5) bucket(distance int, causal bool) int32 {
	n, first := t.buckets, 0
	if causal {
		distance = max(0, -distance)
	} else {
		n /= 2
		if distance > 0 {
			first = n
		}
		distance = max(distance, -distance)
	}
	exact := n / 2
	if distance < exact {
		return int32(first + distance)
	}
	// In float32, as transformers has it: which side of a bound a distance falls on depends on it.
	log := float32(math.Log(float64(float32(distance) / float32(exact))))
	far := exact + int(log/float32(math.Log(float64(t.farthest)/float64(exact)))*float32(n-exact))
	return int32(first + min(far, n-1))
}

func (t *t5) encode(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	at := t.heads().inBatch(tp, b, false)
	at.bias = t.bias(tp, t.EncBias, false)
	x := tp.Dropout(t.TokenEmbedding.Forward(tp, b.IDs), t.Dropout) // (B·S, C)
	for i, e := range t.Enc {
		x = e.Self.forward(tp, e.SelfNorm.Forward(tp, x), x, i, at, t.Dropout)
		x = e.MLP.forward(tp, e.MLPNorm.Forward(tp, x), x, &t.T5)
	}
	return tp.Dropout(t.EncNorm.Forward(tp, x), t.Dropout)
}

// decode takes N ids to states (N, C), scaled for the head.
func (t *t5) decode(tp *tensor.Tape, ids []int32, at seq2seqContext) *tensor.Tensor {
	x := tp.Dropout(t.TokenEmbedding.Forward(tp, ids), t.Dropout) // (N, C)
	for i, d := range t.Dec {
		x = d.Self.forward(tp, d.SelfNorm.Forward(tp, x), x, i, at, t.Dropout)
		q := d.Cross.Q.Forward(tp, d.CrossNorm.Forward(tp, x)) // (N, H·D)
		x = d.Cross.Out.Residual(tp, at.cross(tp, i, q, t.cross(i)), x, t.Dropout)
		x = d.MLP.forward(tp, d.MLPNorm.Forward(tp, x), x, &t.T5)
	}
	x = tp.Dropout(t.DecNorm.Forward(tp, x), t.Dropout)
	if t.scaled {
		x = tp.Scale(x, float32(1/math.Sqrt(float64(t.T5.Width))))
	}
	return x
}

func (a *t5Attention) forward(tp *tensor.Tape, h, x *tensor.Tensor, layer int, at attentionContext, dropout float32) *tensor.Tensor {
	q, k, v := a.Q.Forward(tp, h), a.K.Forward(tp, h), a.V.Forward(tp, h) // (N, H·D)
	h = at.attend(tp, layer, tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v})
	return a.Out.Residual(tp, h, x, dropout)
}

func (m *t5MLP) forward(tp *tensor.Tape, h, x *tensor.Tensor, t *T5) *tensor.Tensor {
	if m.In == nil {
		return t.activation.GatedMLP(tp, m.Gate, m.Up, m.Down, h, x, t.Dropout)
	}
	return t.activation.MLP(tp, m.In, m.Down, h, x, t.Dropout)
}

func (t *t5) cross(layer int) *projections { return (*projections)(t.Dec[layer].Cross) }
func (t *t5) Params() []nn.Param           { return nn.Params(t) }
func (t *t5) Width() int                   { return t.T5.Width }
func (t *t5) Context() int                 { return t.context }
func (t *t5) Vocab() int                   { return t.vocab }
func (t *t5) config() any                  { return nil } // only opened, never new

func (t *t5) heads() heads {
	h := heads{layers: t.T5.Decoder, n: t.Heads, kv: t.Heads, dim: t.Dim}
	for range max(t.T5.Encoder, t.T5.Decoder) {
		h.scales = append(h.scales, 1)
	}
	return h
}

func (t *t5) Head() *tensor.Tensor {
	if t.LMHead != nil {
		return t.LMHead.W
	}
	return t.TokenEmbedding.W
}

// alias implements tied arrays of checkpoints.
func (t *t5) alias(name string) *tensor.Tensor {
	switch name {
	case "encoder.embed_tokens.weight", "decoder.embed_tokens.weight":
		return t.TokenEmbedding.W
	}
	return headAlias(t, name)
}

// Hidden implements Model: the decoder's states, or, without a Source, the encoder's.
func (t *t5) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	if b.Source == nil {
		return t.encode(tp, b)
	}
	at := t.heads().toSource(tp, b, t.encode(tp, b.Source))
	at.bias = t.bias(tp, t.DecBias, true)
	return t.decode(tp, b.IDs, at)
}

func (t *t5) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, t, b) }

// Decoder implements LanguageModel: it writes with nothing read.
func (t *t5) Decoder() Decoder { return t.DecoderFor(nil) }

// DecoderFor implements Seq2Seq.
func (t *t5) DecoderFor(source *Batch) Decoder {
	d := &seq2seqDecoder{decoder: decoder{m: t, tp: tensor.Scratch(), kvCache: kvCache{heads: t.heads()}}}
	bias := t.bias(nil, t.DecBias, true)
	d.bias = &kernel.PositionBias{Far: t.farthest, Table: bias.Data, Stride: t.Heads}
	d.forward = func(tp *tensor.Tape, ids, _ []int32) *tensor.Tensor { return t.decode(tp, ids, d) }
	if source != nil {
		d.read(t, source)
	}
	return d
}

func openT5(c *config) (opened, error) {
	t := T5{Encoder: c.Int("num_layers", 6), Heads: c.Int("num_heads", 8), Dim: c.Int("d_kv", 64), Width: c.Int("d_model", 512),
		Hidden: c.Int("d_ff", 2048), Dropout: float32(c.Float("dropout_rate", .1)),
		buckets: c.Int("relative_attention_num_buckets", 32), farthest: c.Int("relative_attention_max_distance", 128)}
	t.Decoder = c.Int("num_decoder_layers", t.Encoder)
	vocab, context, eps := c.Int("vocab_size", 32128), c.Int("n_positions", 512), float32(c.Float("layer_norm_epsilon", 1e-6))
	feed := c.String("feed_forward_proj", "relu")
	act, gated := strings.CutPrefix(feed, "gated-")
	if t.gated = gated; feed == "gated-gelu" {
		act = "gelu_new"
	}
	t.activation = nn.Activation(act)
	known := false
	for _, a := range nn.Activations {
		known = known || a == act
	}
	if !known {
		c.refuse("feed_forward_proj is %q, which is not supported", feed)
	}
	c.Only("dense_act_fn", act)
	c.Only("is_gated_act", gated)
	c.Only("is_encoder_decoder", true)
	c.Only("output_hidden_states", false)
	// A head of its own goes with states that are not scaled; transformers 5 says the second.
	tied := c.Bool("tie_word_embeddings", true)
	t.scaled = c.Bool("scale_decoder_outputs", tied)
	c.Harmless("initializer_factor")
	if t.buckets < 4 || t.farthest <= t.buckets/2 {
		c.refuse("relative_attention_num_buckets is %d and relative_attention_max_distance %d, want at least 4 and more than half of that", t.buckets, t.farthest)
	}
	if err := errors.Join(checkSize("t5", &t, vocab, context), c.err()); err != nil {
		return opened{}, err
	}
	return opened{&t, vocab, context, func(has names) Model {
		return newT5(t, vocab, context, eps, !tied && has("lm_head.weight"))
	}}, nil
}
