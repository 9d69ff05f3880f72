package model

import (
	"errors"
	"math"

	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// gemma is the text model of Gemma 3 (Gemma Team 2025): a Llama with norms before and after each
// part, whose gains are 1 + weight, norms of each head's queries and keys, GELU in the gate,
// embeddings multiplied by √width, and layers of two kinds: those that attend to a window, and
// those that attend to everything, with other rotary positions.
type gemma struct {
	checkpoint
	Llama
	vocab, context int
	ropes          []*kernel.RoPE // of each layer
	scales         []float32      // of each layer's scores
	activation     nn.Activation

	TokenEmbedding *nn.Embedding `st:"model.embed_tokens"` // (V, C)
	Blocks         []*gemmaBlock `st:"model.layers"`
	FinalNorm      *nn.RMSNorm   `st:"model.norm"`
	LMHead         *nn.Embedding `st:"lm_head"` // (V, C); nil: tied
}

type gemmaBlock struct {
	AttnNorm     *nn.RMSNorm `st:"input_layernorm"`
	Q            *nn.Linear  `st:"self_attn.q_proj"` // C → H·D
	K            *nn.Linear  `st:"self_attn.k_proj"` // C → KV·D
	V            *nn.Linear  `st:"self_attn.v_proj"` // C → KV·D
	QNorm        *nn.RMSNorm `st:"self_attn.q_norm"` // of each head
	KNorm        *nn.RMSNorm `st:"self_attn.k_norm"`
	Out          *nn.Linear  `st:"self_attn.o_proj"` // H·D → C
	PostAttnNorm *nn.RMSNorm `st:"post_attention_layernorm"`
	MLPNorm      *nn.RMSNorm `st:"pre_feedforward_layernorm"`
	Gate         *nn.Linear  `st:"mlp.gate_proj"` // C → hidden
	Up           *nn.Linear  `st:"mlp.up_proj"`   // C → hidden
	Down         *nn.Linear  `st:"mlp.down_proj"` // hidden → C
	PostMLPNorm  *nn.RMSNorm `st:"post_feedforward_layernorm"`
}

func newGemma(g gemma, eps float32) *gemma {
	norm := func(width int) *nn.RMSNorm { return &nn.RMSNorm{Gain: tensor.Param(width), Eps: eps, PlusOne: true} }
	c, dim, bias := g.Llama.Width, g.headDim(), g.variant.qkvBias
	linear := func(in, out int, bias bool) *nn.Linear { return nn.NewLinear(in, out, bias, 0, nil) }
	g.TokenEmbedding, g.FinalNorm = nn.NewEmbedding(g.vocab, c, 0, nil), norm(c)
	for range g.Layers {
		g.Blocks = append(g.Blocks, &gemmaBlock{
			norm(c), linear(c, g.Heads*dim, bias), linear(c, g.KVHeads*dim, bias), linear(c, g.KVHeads*dim, bias),
			norm(dim), norm(dim), linear(g.Heads*dim, c, bias), norm(c),
			norm(c), linear(c, g.Llama.Hidden, false), linear(c, g.Llama.Hidden, false), linear(g.Llama.Hidden, c, false), norm(c)})
	}
	if !g.Tied {
		g.LMHead = nn.NewEmbedding(g.vocab, c, 0, nil)
	}
	return &g
}

// forward takes N ids at their positions to states (N, C).
func (g *gemma) forward(tp *tensor.Tape, ids, pos []int32, at attentionContext) *tensor.Tensor {
	x := tp.Scale(g.TokenEmbedding.Forward(tp, ids), float32(math.Sqrt(float64(g.Llama.Width)))) // (N, C)
	for i, b := range g.Blocks {
		if !recomputes(tp, g.Recompute, len(ids)) {
			x = b.forward(tp, x, i, g, pos, at)
			continue
		}
		pass := tensor.Temp[gemmaPass](tp)
		*pass = gemmaPass{b, i, g, pos, at}
		x = tp.Recompute(x, pass)
	}
	return g.FinalNorm.Forward(tp, x)
}

// A gemmaPass is a block at work.
type gemmaPass struct {
	*gemmaBlock
	layer int
	g     *gemma
	pos   []int32
	at    attentionContext
}

// Forward implements tensor.Module.
func (p *gemmaPass) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return p.forward(tp, x, p.layer, p.g, p.pos, p.at)
}

// forward takes (N, C) to the same.
func (b *gemmaBlock) forward(tp *tensor.Tape, x *tensor.Tensor, layer int, g *gemma, pos []int32, at attentionContext) *tensor.Tensor {
	h := b.AttnNorm.Forward(tp, x)                                                           // (N, C)
	q, k := b.QNorm.Forward(tp, b.Q.Forward(tp, h)), b.KNorm.Forward(tp, b.K.Forward(tp, h)) // (N, H·D), (N, KV·D)
	v := b.V.Forward(tp, h)                                                                  // (N, KV·D)
	q, k = tp.Rotate(q, g.ropes[layer], g.Heads, pos), tp.Rotate(k, g.ropes[layer], g.KVHeads, pos)
	h = at.attend(tp, layer, tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v}) // (N, H·D)
	x = tp.Add(x, b.PostAttnNorm.Forward(tp, b.Out.Forward(tp, h)))                      // (N, C)
	h = b.MLPNorm.Forward(tp, x)
	h = tp.Mul(g.activation.Apply(tp, b.Gate.Forward(tp, h)), b.Up.Forward(tp, h)) // (N, hidden)
	return tp.Add(x, b.PostMLPNorm.Forward(tp, b.Down.Forward(tp, h)))
}

func (g *gemma) Params() []nn.Param { return nn.Params(g) }
func (g *gemma) Width() int         { return g.Llama.Width }
func (g *gemma) Context() int       { return g.context }
func (g *gemma) Vocab() int         { return g.vocab }
func (g *gemma) Decoder() Decoder   { return newDecoder(g) }
func (g *gemma) config() any        { return nil } // only opened, never new

func (g *gemma) heads() heads {
	return heads{layers: g.Layers, n: g.Heads, kv: g.KVHeads, dim: g.headDim(), windows: g.variant.windows, scales: g.scales}
}

func (g *gemma) Head() *tensor.Tensor {
	if g.LMHead == nil {
		return g.TokenEmbedding.W
	}
	return g.LMHead.W
}

func (g *gemma) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	return g.forward(tp, b.IDs, positions(tp, b), g.heads().inBatch(tp, b, true))
}

func (g *gemma) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, g, b) }

func (g *gemma) alias(name string) *tensor.Tensor { return headAlias(g, name) }
func (g *gemma) classifierClass() string          { return "Gemma3TextForSequenceClassification" }

func openGemma3(c *config) (opened, error) {
	g := gemma{vocab: c.Int("vocab_size", 262208), context: c.Int("max_position_embeddings", 131072)}
	g.Layers, g.Heads, g.KVHeads = c.Int("num_hidden_layers", 26), c.Int("num_attention_heads", 8), c.Int("num_key_value_heads", 4)
	g.Llama.Width, g.Llama.Hidden = c.Int("hidden_size", 2304), c.Int("intermediate_size", 9216)
	g.Tied, g.Theta = c.Bool("tie_word_embeddings", true), 1e6
	eps := float32(c.Float("rms_norm_eps", 1e-6))
	v := &g.variant
	v.class, v.modelType, v.headDim = "Gemma3Text", "gemma3_text", c.Int("head_dim", 256)
	v.qkvBias = c.Bool("attention_bias", false)
	c.Only("hidden_activation", nn.Activations...)
	g.activation = nn.Activation(c.String("hidden_activation", "gelu_pytorch_tanh"))
	c.Only("attn_logit_softcapping")
	c.Only("final_logit_softcapping")
	c.Only("use_bidirectional_attention", false)
	c.Harmless("attention_dropout", "cache_implementation")
	scale := c.Float("query_pre_attn_scalar", 256)
	if !(scale > 0) {
		c.refuse("query_pre_attn_scalar is %g, want more than 0", scale)
	}
	pattern := c.Int("sliding_window_pattern", c.Int("_sliding_window_pattern", 6))
	if pattern < 1 {
		c.refuse("sliding_window_pattern is %d, want 1 or more", pattern)
		pattern = 1
	}
	fields := openedLlama{Llama: g.Llama}
	fields.window(c, c.Int("sliding_window", 4096), func(layer int) bool { return (layer+1)%pattern != 0 })
	v.windows = fields.variant.windows
	full, local := readLayerRopes(c, v.headDim, g.context,
		c.Float("rope_theta", 1e6), c.Float("rope_local_base_freq", 1e4), false)
	if err := errors.Join(checkSize("gemma3_text", &g.Llama, g.vocab, g.context), c.err()); err != nil {
		return opened{}, err
	}
	tables := map[bool]*kernel.RoPE{true: local.table(g.context), false: full.table(g.context)}
	for _, w := range v.windows {
		r := full
		if w > 0 {
			r = local
		}
		g.ropes = append(g.ropes, tables[w > 0])
		g.scales = append(g.scales, float32(r.factor*r.factor/math.Sqrt(scale)))
	}
	return opened{&g.Llama, g.vocab, g.context, func(names) Model { return newGemma(g, eps) }}, nil
}
