package model

import (
	"errors"
	"math"
	"strings"

	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// BERT is the settings of an encoder (Devlin et al. 2019): learned positions and token types, norms
// after each part, GELU. RoBERTa and DistilBERT are the same with other names.
type BERT struct {
	Layers, Heads, Width, Hidden int
	Dropout                      float32
	Recompute                    bool

	family     *bertFamily
	types      int // of tokens; 0: none
	offset     int // of the first position (RoBERTa: after that of padding)
	activation nn.Activation
}

// A bertFamily is how transformers names the class and the arrays, as pairs of BERT's and its own.
type bertFamily struct {
	class string
	names *strings.Replacer
}

var (
	bertNames    = bertFamily{"Bert", strings.NewReplacer()}
	robertaNames = bertFamily{"Roberta", strings.NewReplacer(
		"bert.", "roberta.",
		"cls.predictions.transform.dense", "lm_head.dense",
		"cls.predictions.transform.LayerNorm", "lm_head.layer_norm",
		"cls.predictions.", "lm_head.")}
	distilNames = bertFamily{"DistilBert", strings.NewReplacer(
		"bert.encoder.", "distilbert.transformer.",
		"bert.", "distilbert.",
		"attention.self.query", "attention.q_lin",
		"attention.self.key", "attention.k_lin",
		"attention.self.value", "attention.v_lin",
		"attention.output.dense", "attention.out_lin",
		"attention.output.LayerNorm", "sa_layer_norm",
		"intermediate.dense", "ffn.lin1",
		"output.dense", "ffn.lin2",
		"output.LayerNorm", "output_layer_norm",
		"cls.predictions.transform.dense", "vocab_transform",
		"cls.predictions.transform.LayerNorm", "vocab_layer_norm",
		"cls.predictions.decoder.", "vocab_projector.",
		"cls.predictions.", "vocab_projector.")}
)

// A MaskedLanguageModel predicts ids from both sides (masked language modelling).
type MaskedLanguageModel interface {
	Model
	// MaskedLogits takes states (N, Width) to the logits of the id at each position (N, V); nil where
	// the checkpoint has no such head.
	MaskedLogits(tp *tensor.Tape, states *tensor.Tensor) *tensor.Tensor
}

// Check implements Arch.
func (b *BERT) Check() []fault.Fault {
	var f faults
	f.positive("layers", b.Layers)
	f.positive("heads", b.Heads)
	f.positive("width", b.Width)
	f.positive("hidden", b.Hidden)
	f.divides("heads", b.Heads, "width", b.Width)
	f.rate("dropout", b.Dropout)
	return f
}

// Size implements Arch. Of each position a block keeps q, k, v, what attention gives and adds, a
// norm (6C), the feed-forward before and after its activation (2F), what it adds and a norm (2C).
func (b *BERT) Size(vocab, context, rows int) Size {
	c, h, n := b.Width, b.Hidden, rows*context
	params := (vocab+context+b.types+2)*c + b.Layers*(4*c*c+9*c+2*c*h+h)
	kept, block, widest := 4*c, 8*c+2*h+b.Heads+4, 2*c
	if b.Recompute {
		kept, widest = kept+b.Layers*c, block+widest
	} else {
		kept += b.Layers * block
	}
	return size(params, b.Layers*c*context, n*kept, n*widest, n*c, 0)
}

// Build implements Arch.
func (b *BERT) Build(int, int, uint64) (LanguageModel, error) {
	return nil, errors.New("bert: an encoder is opened, not trained from nothing")
}

type bert struct {
	checkpoint
	BERT
	vocab, context int

	TokenEmbedding    *nn.Embedding `st:"bert.embeddings.word_embeddings"`       // (V, C)
	PositionEmbedding *nn.Embedding `st:"bert.embeddings.position_embeddings"`   // (context, C)
	TypeEmbedding     *nn.Embedding `st:"bert.embeddings.token_type_embeddings"` // (types, C); or nil
	EmbeddingNorm     *nn.LayerNorm `st:"bert.embeddings.LayerNorm"`
	Blocks            []*bertBlock  `st:"bert.encoder.layer"`
	Pooler            *nn.Linear    `st:"bert.pooler.dense"`               // C → C; nil: the checkpoint has none
	MLMDense          *nn.Linear    `st:"cls.predictions.transform.dense"` // C → C; nil: no head
	MLMNorm           *nn.LayerNorm `st:"cls.predictions.transform.LayerNorm"`
	MLMBias           *nn.Bias      `st:"cls.predictions"` // (V)
}

type bertBlock struct {
	Q        *nn.Linear    `st:"attention.self.query"`   // C → C
	K        *nn.Linear    `st:"attention.self.key"`     // C → C
	V        *nn.Linear    `st:"attention.self.value"`   // C → C
	Out      *nn.Linear    `st:"attention.output.dense"` // C → C
	AttnNorm *nn.LayerNorm `st:"attention.output.LayerNorm"`
	Up       *nn.Linear    `st:"intermediate.dense"` // C → F
	Down     *nn.Linear    `st:"output.dense"`       // F → C
	MLPNorm  *nn.LayerNorm `st:"output.LayerNorm"`
}

func newBERT(b BERT, vocab, context int, eps float32, has names) *bert {
	c := b.Width
	m := &bert{BERT: b, vocab: vocab, context: context,
		TokenEmbedding:    nn.NewEmbedding(vocab, c, 0, nil),
		PositionEmbedding: nn.NewEmbedding(context+b.offset, c, 0, nil),
		EmbeddingNorm:     nn.NewLayerNorm(c, eps),
	}
	if b.types > 0 {
		m.TypeEmbedding = nn.NewEmbedding(b.types, c, 0, nil)
	}
	for range b.Layers {
		m.Blocks = append(m.Blocks, &bertBlock{
			nn.NewLinear(c, c, true, 0, nil), nn.NewLinear(c, c, true, 0, nil), nn.NewLinear(c, c, true, 0, nil),
			nn.NewLinear(c, c, true, 0, nil), nn.NewLayerNorm(c, eps),
			nn.NewLinear(c, b.Hidden, true, 0, nil), nn.NewLinear(b.Hidden, c, true, 0, nil), nn.NewLayerNorm(c, eps)})
	}
	if has(b.family.names.Replace("bert.pooler.dense.weight")) {
		m.Pooler = nn.NewLinear(c, c, true, 0, nil)
		m.Pooler.W.Grad, m.Pooler.B.Grad = nil, nil // frozen: Hidden does not read it
	}
	if has(b.family.names.Replace("cls.predictions.transform.dense.weight")) {
		m.MLMDense, m.MLMNorm, m.MLMBias = nn.NewLinear(c, c, true, 0, nil), nn.NewLayerNorm(c, eps), &nn.Bias{B: tensor.Param(vocab)}
		for _, t := range []*tensor.Tensor{m.MLMDense.W, m.MLMDense.B, m.MLMNorm.Gain, m.MLMNorm.Bias, m.MLMBias.B} {
			t.Grad = nil // frozen: Hidden does not read them, so weight decay alone would move them
		}
	}
	return m
}

// Hidden implements Model. Padding is document −1 of Batch.Docs; nobody sees it.
func (m *bert) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	pos := positions(tp, b)
	for i := range pos {
		pos[i] += int32(m.offset)
	}
	x := tp.AddTo(m.TokenEmbedding.Forward(tp, b.IDs), m.PositionEmbedding.Forward(tp, pos)) // (N, C)
	if m.TypeEmbedding != nil {
		types := b.Types
		if types == nil {
			types = tp.Ints(b.B * b.T)
			clear(types)
		}
		x = tp.AddTo(x, m.TypeEmbedding.Forward(tp, types))
	}
	x = tp.Dropout(m.EmbeddingNorm.Forward(tp, x), m.Dropout)
	at := heads{layers: m.Layers, n: m.Heads, kv: m.Heads, dim: m.BERT.Width / m.Heads}.inBatch(tp, b, false)
	for i, block := range m.Blocks {
		if !recomputes(tp, m.Recompute, len(b.IDs)) {
			x = block.forward(tp, x, i, at, &m.BERT)
			continue
		}
		pass := tensor.Temp[bertPass](tp)
		*pass = bertPass{block, i, at, &m.BERT}
		x = tp.Recompute(x, pass)
	}
	return x
}

// A bertPass is a block at work.
type bertPass struct {
	*bertBlock
	layer int
	at    attentionContext
	b     *BERT
}

// Forward implements tensor.Module.
func (p *bertPass) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return p.forward(tp, x, p.layer, p.at, p.b)
}

// forward takes (N, C) to the same.
func (l *bertBlock) forward(tp *tensor.Tape, x *tensor.Tensor, layer int, at attentionContext, b *BERT) *tensor.Tensor {
	q, k, v := l.Q.Forward(tp, x), l.K.Forward(tp, x), l.V.Forward(tp, x) // (N, C)
	h := at.attend(tp, layer, tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v})
	x = l.AttnNorm.Forward(tp, l.Out.Residual(tp, h, x, b.Dropout))
	return l.MLPNorm.Forward(tp, b.activation.MLP(tp, l.Up, l.Down, x, x, b.Dropout))
}

// MaskedLogits implements MaskedLanguageModel.
func (m *bert) MaskedLogits(tp *tensor.Tape, states *tensor.Tensor) *tensor.Tensor {
	if m.MLMDense == nil {
		return nil
	}
	h := m.MLMNorm.Forward(tp, m.activation.Apply(tp, m.MLMDense.Forward(tp, states)))
	return tp.Linear(h, m.TokenEmbedding.W, m.MLMBias.B)
}

func (m *bert) Params() []nn.Param {
	params := nn.Params(m)
	for i := range params {
		params[i].Name = m.family.names.Replace(params[i].Name)
	}
	return params
}

func (m *bert) Width() int              { return m.BERT.Width }
func (m *bert) Context() int            { return m.context }
func (m *bert) Vocab() int              { return m.vocab }
func (m *bert) tokenTypes() int         { return m.types }
func (m *bert) config() any             { return nil } // only opened, never new
func (m *bert) classifierClass() string { return "" }  // its head is not one linear layer

// alias implements tied arrays of checkpoints.
func (m *bert) alias(name string) *tensor.Tensor {
	switch name {
	case m.family.names.Replace("cls.predictions.decoder.weight"), "lm_head.decoder.weight":
		return m.TokenEmbedding.W
	case "cls.predictions.decoder.bias", "lm_head.decoder.bias":
		if m.MLMBias != nil {
			return m.MLMBias.B
		}
	}
	return nil
}

func openBERT(c *config) (opened, error) {
	return bertFields(c, &bertNames, 0)
}

// openRoBERTa is Liu et al. 2019; its positions begin after that of padding.
func openRoBERTa(c *config) (opened, error) {
	return bertFields(c, &robertaNames, c.Int("pad_token_id", 1)+1)
}

func bertFields(c *config, family *bertFamily, offset int) (opened, error) {
	b := BERT{Layers: c.Int("num_hidden_layers", 12), Heads: c.Int("num_attention_heads", 12), Width: c.Int("hidden_size", 768),
		Hidden: c.Int("intermediate_size", 3072), Dropout: float32(c.Float("hidden_dropout_prob", .1)),
		family: family, types: c.Int("type_vocab_size", 2), offset: offset}
	c.Only("position_embedding_type", "absolute")
	c.Only("embedding_size", b.Width)
	c.Harmless("attention_probs_dropout_prob", // attention weights are never dropped
		"directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type")
	return b.opened(c, "hidden_act", c.Int("max_position_embeddings", 512), float32(c.Float("layer_norm_eps", 1e-12)))
}

// openDistilBERT is Sanh et al. 2019: BERT without token types.
func openDistilBERT(c *config) (opened, error) {
	b := BERT{Layers: c.Int("n_layers", 6), Heads: c.Int("n_heads", 12), Width: c.Int("dim", 768),
		Hidden: c.Int("hidden_dim", 3072), Dropout: float32(c.Float("dropout", .1)), family: &distilNames}
	c.Only("tie_weights_", true)
	c.Harmless("attention_dropout", // attention weights are never dropped
		"qa_dropout", "seq_classif_dropout", // of heads
		"sinusoidal_pos_embds") // how positions began; they are saved
	return b.opened(c, "activation", c.Int("max_position_embeddings", 512), 1e-12)
}

func (b BERT) opened(c *config, activation string, positions int, eps float32) (opened, error) {
	vocab := c.Int("vocab_size", 30522)
	c.Only(activation, nn.Activations...)
	b.activation = nn.Activation(c.String(activation, "gelu"))
	c.Only("tie_word_embeddings", true)
	if b.types < 0 || b.types > math.MaxInt16 || b.offset < 0 || b.offset >= positions {
		c.refuse("type_vocab_size %d, pad_token_id %d and max_position_embeddings %d do not fit", b.types, b.offset-1, positions)
	}
	if err := errors.Join(checkSize(b.family.class, &b, vocab, positions-b.offset), c.err()); err != nil {
		return opened{}, err
	}
	return opened{&b, vocab, positions - b.offset, func(has names) Model { return newBERT(b, vocab, positions-b.offset, eps, has) }}, nil
}
