package model

import (
	"errors"
	"math"

	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// modernBERT is an encoder (Warner et al. 2024; Ettin is of the family): rotary positions, norms
// without biases before each part, GeGLU, and layers that see a window between those that see all.
type modernBERT struct {
	checkpoint
	BERT
	vocab, context int
	ropes          []*kernel.RoPE // of each layer
	shape          heads
	headActivation nn.Activation

	TokenEmbedding *nn.Embedding      `st:"model.embeddings.tok_embeddings"` // (V, C)
	EmbeddingNorm  *nn.LayerNorm      `st:"model.embeddings.norm"`
	Blocks         []*modernBERTBlock `st:"model.layers"`
	FinalNorm      *nn.LayerNorm      `st:"model.final_norm"`
	MLMDense       *nn.Linear         `st:"head.dense"` // C → C; nil: no head
	MLMNorm        *nn.LayerNorm      `st:"head.norm"`
	MLMBias        *nn.Bias           `st:"decoder"` // (V)
}

type modernBERTBlock struct {
	AttnNorm *nn.LayerNorm `st:"attn_norm"` // nil in the first
	QKV      *nn.Linear    `st:"attn.Wqkv"` // C → 3C
	Out      *nn.Linear    `st:"attn.Wo"`   // C → C
	MLPNorm  *nn.LayerNorm `st:"mlp_norm"`
	GateUp   *nn.Linear    `st:"mlp.Wi"` // C → 2F: what is activated, and what it multiplies
	Down     *nn.Linear    `st:"mlp.Wo"` // F → C
}

// A modernBERTConfig is which biases and norms there are.
type modernBERTConfig struct {
	eps                                        float32
	attnBias, mlpBias, normBias, headBias, out bool
}

func newModernBERT(m modernBERT, k modernBERTConfig, has names) *modernBERT {
	c, f := m.BERT.Width, m.BERT.Hidden
	linear := func(in, out int, bias bool) *nn.Linear { return nn.NewLinear(in, out, bias, 0, nil) }
	norm := func() *nn.LayerNorm {
		n := nn.NewLayerNorm(c, k.eps)
		if !k.normBias {
			n.Bias = nil
		}
		return n
	}
	m.TokenEmbedding, m.EmbeddingNorm, m.FinalNorm = nn.NewEmbedding(m.vocab, c, 0, nil), norm(), norm()
	for i := range m.Layers {
		b := &modernBERTBlock{norm(), linear(c, 3*c, k.attnBias), linear(c, c, k.attnBias),
			norm(), linear(c, 2*f, k.mlpBias), linear(f, c, k.mlpBias)}
		if i == 0 {
			b.AttnNorm = nil // the embedding's norm is enough
		}
		m.Blocks = append(m.Blocks, b)
	}
	if has("head.dense.weight") && !has("classifier.weight") {
		m.MLMDense, m.MLMNorm = linear(c, c, k.headBias), norm()
		if k.out {
			m.MLMBias = &nn.Bias{B: tensor.Param(m.vocab)}
		}
	}
	return &m
}

// Hidden implements Model. Padding is document −1 of Batch.Docs; nobody sees it.
func (m *modernBERT) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	pos := positions(tp, b)
	x := tp.Dropout(m.EmbeddingNorm.Forward(tp, m.TokenEmbedding.Forward(tp, b.IDs)), m.Dropout) // (N, C)
	at := m.shape.inBatch(tp, b, false)
	for i, block := range m.Blocks {
		if !recomputes(tp, m.Recompute, len(b.IDs)) {
			x = block.forward(tp, x, i, m, pos, at)
			continue
		}
		pass := tensor.Temp[modernBERTPass](tp)
		*pass = modernBERTPass{block, i, m, pos, at}
		x = tp.Recompute(x, pass)
	}
	return m.FinalNorm.Forward(tp, x)
}

// A modernBERTPass is a block at work.
type modernBERTPass struct {
	*modernBERTBlock
	layer int
	m     *modernBERT
	pos   []int32
	at    attentionContext
}

// Forward implements tensor.Module.
func (p *modernBERTPass) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return p.forward(tp, x, p.layer, p.m, p.pos, p.at)
}

// forward takes (N, C) to the same.
func (b *modernBERTBlock) forward(tp *tensor.Tape, x *tensor.Tensor, layer int, m *modernBERT, pos []int32, at attentionContext) *tensor.Tensor {
	c, f, h := m.BERT.Width, m.BERT.Hidden, x
	if b.AttnNorm != nil {
		h = b.AttnNorm.Forward(tp, x) // (N, C)
	}
	h = tp.Rotate(b.QKV.Forward(tp, h), m.ropes[layer], 2*m.Heads, pos) // (N, 3C), q and k turned
	h = at.attend(tp, layer, tensor.Heads{X: h}, tensor.Heads{X: h, Col: c}, tensor.Heads{X: h, Col: 2 * c})
	x = b.Out.Residual(tp, h, x, m.Dropout)             // (N, C)
	h = b.GateUp.Forward(tp, b.MLPNorm.Forward(tp, x))  // (N, 2F)
	gate := m.activation.Apply(tp, tp.Columns(h, 0, f)) // (N, F)
	return b.Down.Residual(tp, tp.Mul(gate, tp.Columns(h, f, f)), x, m.Dropout)
}

// MaskedLogits implements MaskedLanguageModel.
func (m *modernBERT) MaskedLogits(tp *tensor.Tape, states *tensor.Tensor) *tensor.Tensor {
	if m.MLMDense == nil {
		return nil
	}
	h := m.MLMNorm.Forward(tp, m.headActivation.Apply(tp, m.MLMDense.Forward(tp, states)))
	if m.MLMBias == nil {
		return tp.Linear(h, m.TokenEmbedding.W, nil)
	}
	return tp.Linear(h, m.TokenEmbedding.W, m.MLMBias.B)
}

func (m *modernBERT) Params() []nn.Param      { return nn.Params(m) }
func (m *modernBERT) Width() int              { return m.BERT.Width }
func (m *modernBERT) Context() int            { return m.context }
func (m *modernBERT) Vocab() int              { return m.vocab }
func (m *modernBERT) tokenTypes() int         { return 0 }
func (m *modernBERT) config() any             { return nil } // only opened, never new
func (m *modernBERT) classifierClass() string { return "" }  // its head is not one linear layer

func (m *modernBERT) alias(name string) *tensor.Tensor {
	if name == "decoder.weight" {
		return m.TokenEmbedding.W
	}
	return nil
}

func openModernBERT(c *config) (opened, error) {
	m := modernBERT{vocab: c.Int("vocab_size", 50368), context: c.Int("max_position_embeddings", 8192)}
	m.BERT = BERT{Layers: c.Int("num_hidden_layers", 22), Heads: c.Int("num_attention_heads", 12), Width: c.Int("hidden_size", 768),
		Hidden: c.Int("intermediate_size", 1152), Dropout: float32(c.Float("embedding_dropout", 0)), family: &bertNames}
	for _, name := range []string{"hidden_activation", "classifier_activation"} {
		c.Only(name, nn.Activations...)
	}
	m.activation = nn.Activation(c.String("hidden_activation", "gelu"))
	m.headActivation = nn.Activation(c.String("classifier_activation", "gelu"))
	k := modernBERTConfig{eps: float32(c.Float("norm_eps", 1e-5)), attnBias: c.Bool("attention_bias", false), mlpBias: c.Bool("mlp_bias", false),
		normBias: c.Bool("norm_bias", false), headBias: c.Bool("classifier_bias", false), out: c.Bool("decoder_bias", true)}
	c.Only("tie_word_embeddings", true)
	c.Only("is_causal", false)
	c.Only("causal_mask", false)
	c.Harmless("attention_dropout", "mlp_dropout", // attention weights and activations are never dropped
		"layer_norm_eps", "position_embedding_type", // of the class that its configuration was made from
		"classifier_pooling", "initializer_cutoff_factor", "deterministic_flash_attn", "reference_compile",
		"repad_logits_with_grad", "sparse_prediction", "sparse_pred_ignore_index")
	every, window := c.Int("global_attn_every_n_layers", 3), c.Int("local_attention", 128)
	if every < 1 || window < 2 {
		c.refuse("global_attn_every_n_layers is %d and local_attention %d, want at least 1 and 2", every, window)
		every = 1
	}
	var local []bool
	if m.Layers > 0 && m.Layers <= mostLayers {
		local = layerTypes(c, m.Layers, func(i int) bool { return i%every != 0 })
	}
	dim := 0
	if m.Heads > 0 {
		dim = m.BERT.Width / m.Heads
	}
	full, near := readLayerRopes(c, dim, m.context, c.Float("global_rope_theta", 160000), c.Float("local_rope_theta", 10000), true)
	if dim%2 != 0 {
		c.refuse("heads of %d features cannot be rotated in pairs", dim)
	}
	if err := errors.Join(checkSize("modernbert", &m.BERT, m.vocab, m.context), c.err()); err != nil {
		return opened{}, err
	}
	m.shape = heads{layers: m.Layers, n: m.Heads, kv: m.Heads, dim: dim, windows: make([]int, m.Layers), scales: make([]float32, m.Layers)}
	tables := map[bool]*kernel.RoPE{true: near.table(m.context), false: full.table(m.context)}
	for i, is := range local {
		r := full
		if is {
			r, m.shape.windows[i] = near, window/2+1
		}
		m.ropes = append(m.ropes, tables[is])
		m.shape.scales[i] = float32(r.factor * r.factor / math.Sqrt(float64(dim)))
	}
	return opened{&modernBERTSize{m.BERT}, m.vocab, m.context, func(has names) Model { return newModernBERT(m, k, has) }}, nil
}

// modernBERTSize is BERT's size but for positions, types, biases and the gate.
type modernBERTSize struct{ BERT }

// Size implements Arch.
func (m *modernBERTSize) Size(vocab, context, rows int) Size {
	c, f, n := m.Width, m.Hidden, rows*context
	params := (vocab+1)*c + m.Layers*(4*c*c+3*c*f+2*c)
	kept, block, widest := 2*c, 6*c+5*f+m.Heads+4, 2*f
	if m.Recompute {
		kept, widest = kept+m.Layers*c, block+widest
	} else {
		kept += m.Layers * block
	}
	return size(params, m.Layers*c*context, n*kept, n*widest, n*c, 0)
}
