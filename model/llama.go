package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"fragua/model/kernel"
	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// Llama is the settings of a Llama (Touvron et al. 2023): rotary positions,
// RMS norms before each part, SwiGLU, and keys shared by groups of heads
// (Ainslie et al. 2023).
type Llama struct {
	Layers    int     `yaml:"layers" doc:"Blocks of attention and feed-forward."`
	Heads     int     `yaml:"heads" doc:"Attention heads; each has width/heads features."`
	KVHeads   int     `yaml:"kv_heads" doc:"Heads of keys and values, each serving heads/kv_heads heads. 0: as many as heads."`
	Width     int     `yaml:"width" doc:"Features of one position (hidden size)."`
	Hidden    int     `yaml:"hidden" doc:"Width of the feed-forward. 0: 8/3 of width, rounded up to a multiple of 32."`
	Theta     float64 `yaml:"theta" doc:"Base of the rotary frequencies; larger ones see farther."`
	Tied      bool    `yaml:"tied" doc:"The output layer is the embedding."`
	QKNorm    bool    `yaml:"qk_norm" doc:"RMS norms of each head of queries and keys: steadier at high rates. The model is then a Qwen3 to others."`
	ZeroInit  bool    `yaml:"zero_init" doc:"Matrices that write to the residual stream start at 0."`
	Parallel  bool    `yaml:"parallel" doc:"Attention and feed-forward read the same norm and are added together, as in PaLM; with kv_heads: 1 the model is one. Other programs do not open it."`
	Dropout   float32 `yaml:"dropout" doc:"Share dropped of the embeddings and of what each part adds, while training."`
	Recompute bool    `yaml:"recompute" doc:"Activation checkpointing: keep one block's results at a time and compute them again in the backward pass; less memory, a third more time."`

	variant llamaVariant
}

// llamaVariant is where Mistral, Qwen and others differ; the zero value is Llama.
type llamaVariant struct {
	class, modelType string // in transformers: "Llama" and "llama"
	headDim          int    // 0: width/heads
	qkvBias, outBias bool
	mlpBias          bool
	rope             rope
	windows          []int // of each layer; nil: none
}

func (l *Llama) headDim() int { return cmp.Or(l.variant.headDim, l.Width/l.Heads) }

func (l *Llama) filled() Llama {
	c := *l
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.Hidden == 0 {
		c.Hidden = (8*c.Width/3 + 31) / 32 * 32
	}
	return c
}

// Check implements Arch.
func (l *Llama) Check() []fault.Fault {
	var f faults
	c := l.filled()
	f.positive("layers", c.Layers)
	f.positive("heads", c.Heads)
	f.positive("kv_heads", c.KVHeads)
	f.positive("width", c.Width)
	f.positive("hidden", c.Hidden)
	if c.variant.headDim != 0 {
		f.positive("head_dim", c.variant.headDim)
	} else {
		f.divides("heads", c.Heads, "width", c.Width)
	}
	f.divides("kv_heads", c.KVHeads, "heads", c.Heads)
	if c.Heads > 0 && c.headDim()%2 != 0 {
		f = append(f, fault.Fault{Path: "heads", Err: fmt.Sprintf("heads of %d features cannot be rotated in pairs", c.headDim())})
	}
	if !(c.Theta > 1) {
		f = append(f, fault.Fault{Path: "theta", Err: fmt.Sprintf("%g is not above 1", c.Theta), Hint: "10000 is usual"})
	}
	f.rate("dropout", c.Dropout)
	if c.Parallel && c.QKNorm {
		f = append(f, fault.Fault{Path: "parallel", Err: "parallel and qk_norm are not one architecture", Hint: "leave one of them out"})
	}
	return f
}

// Size implements Arch. Of each position a block keeps two norms (2C), q (C),
// k and v, what attention gives and adds (2C), gate, up and their product, and
// what the feed-forward adds (C); a parallel one a norm less.
func (l *Llama) Size(vocab, context, rows int) Size {
	a := l.filled()
	c, n := a.Width, rows*context
	q, kv := a.Heads*a.headDim(), a.KVHeads*a.headDim()
	params := vocab*c + a.Layers*(2*c*q+2*c*kv+3*c*a.Hidden+2*c) + c // and few biases
	if !a.Tied {
		params += vocab * c
	}
	kept, block, widest := 2*c, 4*c+2*q+2*kv+3*a.Hidden+a.Heads+2, 2*c
	if a.Parallel {
		params -= a.Layers * c
		block -= c + 1
	}
	if a.Recompute {
		kept, widest = kept+a.Layers*c, block+widest
	} else {
		kept += a.Layers * block
	}
	return size(params, a.Layers*q*context, n*kept, n*widest, n*c, headLogits(n, vocab))
}

// Build implements Arch. Weights start as GPT's do.
func (l *Llama) Build(vocab, context int, seed uint64) (LanguageModel, error) {
	if err := checkSize("llama", l, vocab, context); err != nil {
		return nil, err
	}
	return newLlama(l.filled(), vocab, context, 1e-5, nn.NewInit(seed)), nil
}

type llama struct {
	checkpoint
	Llama
	vocab, context int
	eps            float32
	rope           *kernel.RoPE

	TokenEmbedding *nn.Embedding `st:"model.embed_tokens"` // (V, C)
	Blocks         []*llamaBlock `st:"model.layers"`
	FinalNorm      *nn.RMSNorm   `st:"model.norm"`
	LMHead         *nn.Embedding `st:"lm_head"` // (V, C); nil: tied
}

type llamaBlock struct {
	AttnNorm *nn.RMSNorm `st:"input_layernorm"`
	Q        *nn.Linear  `st:"self_attn.q_proj"` // C → H·D
	K        *nn.Linear  `st:"self_attn.k_proj"` // C → KV·D
	V        *nn.Linear  `st:"self_attn.v_proj"` // C → KV·D
	QNorm    *nn.RMSNorm `st:"self_attn.q_norm"` // of each head (Qwen3); or nil
	KNorm    *nn.RMSNorm `st:"self_attn.k_norm"`
	Out      *nn.Linear  `st:"self_attn.o_proj"`         // H·D → C
	MLPNorm  *nn.RMSNorm `st:"post_attention_layernorm"` // nil: parallel
	Gate     *nn.Linear  `st:"mlp.gate_proj"`            // C → hidden
	Up       *nn.Linear  `st:"mlp.up_proj"`              // C → hidden
	Down     *nn.Linear  `st:"mlp.down_proj"`            // hidden → C
}

func newLlama(c Llama, vocab, context int, eps float32, d *nn.Init) *llama {
	const std = 0.02
	residual := std / math.Sqrt(2*float64(c.Layers))
	if c.ZeroInit {
		residual = 0
	}
	dim, v := c.headDim(), c.variant
	if v.rope.frequencies == nil {
		v.rope = plainRope(dim, c.Theta)
	}
	l := &llama{Llama: c, vocab: vocab, context: context, eps: eps,
		rope:           v.rope.table(context),
		TokenEmbedding: nn.NewEmbedding(vocab, c.Width, std, d),
		FinalNorm:      nn.NewRMSNorm(c.Width, eps),
	}
	for range c.Layers {
		b := &llamaBlock{
			AttnNorm: nn.NewRMSNorm(c.Width, eps),
			Q:        nn.NewLinear(c.Width, c.Heads*dim, v.qkvBias, std, d),
			K:        nn.NewLinear(c.Width, c.KVHeads*dim, v.qkvBias, std, d),
			V:        nn.NewLinear(c.Width, c.KVHeads*dim, v.qkvBias, std, d),
			Out:      nn.NewLinear(c.Heads*dim, c.Width, v.outBias, residual, d),
			Gate:     nn.NewLinear(c.Width, c.Hidden, v.mlpBias, std, d),
			Up:       nn.NewLinear(c.Width, c.Hidden, v.mlpBias, std, d),
			Down:     nn.NewLinear(c.Hidden, c.Width, v.mlpBias, residual, d),
		}
		if !c.Parallel {
			b.MLPNorm = nn.NewRMSNorm(c.Width, eps)
		}
		if c.QKNorm {
			b.QNorm, b.KNorm = nn.NewRMSNorm(dim, eps), nn.NewRMSNorm(dim, eps)
		}
		l.Blocks = append(l.Blocks, b)
	}
	if !c.Tied {
		l.LMHead = nn.NewEmbedding(vocab, c.Width, std, d)
	}
	return l
}

// forward takes N ids at their positions to states (N, C).
func (l *llama) forward(tp *tensor.Tape, ids, pos []int32, at attentionContext) *tensor.Tensor {
	x := tp.Dropout(l.TokenEmbedding.Forward(tp, ids), l.Dropout) // (N, C)
	for i, b := range l.Blocks {
		if !recomputes(tp, l.Recompute, len(ids)) {
			x = b.forward(tp, x, i, l, pos, at)
			continue
		}
		pass := tensor.Temp[llamaPass](tp)
		*pass = llamaPass{b, i, l, pos, at}
		x = tp.Recompute(x, pass)
	}
	return l.FinalNorm.Forward(tp, x)
}

// A llamaPass is a block at work.
type llamaPass struct {
	*llamaBlock
	layer int
	l     *llama
	pos   []int32
	at    attentionContext
}

// Forward implements tensor.Part.
func (p *llamaPass) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return p.forward(tp, x, p.layer, p.l, p.pos, p.at)
}

// forward takes (N, C) to the same.
func (b *llamaBlock) forward(tp *tensor.Tape, x *tensor.Tensor, layer int, l *llama, pos []int32, at attentionContext) *tensor.Tensor {
	n := b.AttnNorm.Forward(tp, x)                                        // (N, C)
	q, k, v := b.Q.Forward(tp, n), b.K.Forward(tp, n), b.V.Forward(tp, n) // (N, H·D), (N, KV·D) twice
	if b.QNorm != nil {
		q, k = b.QNorm.Forward(tp, q), b.KNorm.Forward(tp, k)
	}
	q, k = tp.Rotate(q, l.rope, l.Heads, pos), tp.Rotate(k, l.rope, l.KVHeads, pos)
	h := at.attend(tp, layer, tensor.Heads{X: q}, tensor.Heads{X: k}, tensor.Heads{X: v}) // (N, H·D)
	x = b.Out.Residual(tp, h, x, l.Dropout)                                               // (N, C)
	if b.MLPNorm != nil {
		n = b.MLPNorm.Forward(tp, x)
	}
	return nn.GatedFeedForward(tp, b.Gate, b.Up, b.Down, n, x, l.Dropout)
}

func (l *llama) Params() []nn.Param { return nn.Params(l) }
func (l *llama) Width() int         { return l.Llama.Width }
func (l *llama) Context() int       { return l.context }
func (l *llama) Vocab() int         { return l.vocab }
func (l *llama) heads() heads {
	h := heads{layers: l.Layers, n: l.Heads, kv: l.KVHeads, dim: l.headDim(), windows: l.variant.windows}
	if f := l.variant.rope.factor; f != 0 && f != 1 { // of queries and of keys
		for range l.Layers {
			h.scales = append(h.scales, float32(f*f/math.Sqrt(float64(h.dim))))
		}
	}
	return h
}
func (l *llama) Decoder() Decoder { return newDecoder(l) }

func (l *llama) Head() *tensor.Tensor {
	if l.LMHead == nil {
		return l.TokenEmbedding.W
	}
	return l.LMHead.W
}

func (l *llama) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	return l.forward(tp, b.IDs, positions(tp, b), l.heads().inBatch(tp, b, true))
}

func (l *llama) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, l, b) }

// llamaConfig is config.json as transformers' LlamaConfig has it.
type llamaConfig struct {
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`
	Vocab         int      `json:"vocab_size"`
	Positions     int      `json:"max_position_embeddings"`
	Width         int      `json:"hidden_size"`
	Hidden        int      `json:"intermediate_size"`
	Layers        int      `json:"num_hidden_layers"`
	Heads         int      `json:"num_attention_heads"`
	KVHeads       int      `json:"num_key_value_heads"`
	HeadDim       int      `json:"head_dim,omitempty"`
	Activation    string   `json:"hidden_act"`
	Eps           float32  `json:"rms_norm_eps"`
	Theta         float64  `json:"rope_theta"`
	Scaling       any      `json:"rope_scaling"`
	AttentionBias bool     `json:"attention_bias"`
	MLPBias       bool     `json:"mlp_bias"`
	InitStd       float32  `json:"initializer_range"`
	Tied          bool     `json:"tie_word_embeddings"`
}

func (l *llama) alias(name string) *tensor.Tensor { return headAlias(l, name) }

func (l *llama) classifierClass() string {
	if l.Parallel {
		return ""
	}
	class := l.variant.class
	if l.QKNorm {
		class = "Qwen3"
	}
	return cmp.Or(class, "Llama") + "ForSequenceClassification"
}

func (l *llama) config() any {
	h := l.heads()
	c := llamaConfig{[]string{"LlamaForCausalLM"}, "llama", l.vocab, l.context, l.Llama.Width, l.Llama.Hidden, l.Layers,
		h.n, h.kv, h.dim, "silu", l.eps, l.Theta, nil, false, false, 0.02, l.Tied}
	if l.Parallel { // which transformers has with other norms only (Cohere)
		c.Architectures, c.ModelType = nil, parallelType
	}
	if l.QKNorm { // which transformers has in Qwen3, whose configuration has no mlp_bias
		c.Architectures, c.ModelType = []string{"Qwen3ForCausalLM"}, "qwen3"
		return struct {
			llamaConfig
			MLPBias *bool `json:"mlp_bias,omitempty"`
		}{llamaConfig: c}
	}
	return c
}

// parallelType is what config.json calls a model with parallel blocks (Chowdhery et al. 2022, section 2).
const parallelType = "fragua_palm"

func openParallel(c *config) (opened, error) {
	l := llamaFields(c, llamaDefaults{vocab: 32000, positions: 2048, hidden: 11008})
	l.Parallel = true
	c.Only("attention_bias", false)
	c.Only("mlp_bias", false)
	return l.opened(c)
}

func openLlama(c *config) (opened, error) {
	l := llamaFields(c, llamaDefaults{vocab: 32000, positions: 2048, hidden: 11008})
	l.variant.class = "Llama"
	bias := c.Bool("attention_bias", false)
	l.variant.qkvBias, l.variant.outBias, l.variant.mlpBias = bias, bias, c.Bool("mlp_bias", false)
	c.Harmless("pretraining_tp", // how the projections were split; sums apart, the same
		"rope_interleaved", "is_llama_config") // SmolLM2's, of its training program
	c.Only("rope_interleaved", false)
	return l.opened(c)
}

// llamaDefaults are transformers' for fields that config.json leaves out.
type llamaDefaults struct{ vocab, positions, hidden, kvHeads, headDim int }

// openedLlama is the fields that Llama, Mistral and Qwen share.
type openedLlama struct {
	Llama
	vocab, positions int
	eps              float32
}

func llamaFields(c *config, d llamaDefaults) *openedLlama {
	l := &openedLlama{vocab: c.Int("vocab_size", d.vocab), positions: c.Int("max_position_embeddings", d.positions),
		eps: float32(c.Float("rms_norm_eps", 1e-6))}
	l.Layers, l.Heads = c.Int("num_hidden_layers", 32), c.Int("num_attention_heads", 32)
	l.KVHeads = c.Int("num_key_value_heads", cmp.Or(d.kvHeads, l.Heads))
	l.Width, l.Hidden = c.Int("hidden_size", 4096), c.Int("intermediate_size", d.hidden)
	l.Tied = c.Bool("tie_word_embeddings", false)
	l.variant.headDim = c.Int("head_dim", d.headDim)
	c.Only("hidden_act", "silu", "swish")
	c.Harmless("attention_dropout") // attention weights are never dropped
	l.Theta = 10000
	if l.Heads > 0 {
		l.variant.rope = readRope(c, l.headDim(), l.positions, l.Theta)
	}
	return l
}

func (l *openedLlama) opened(c *config) (opened, error) {
	if err := errors.Join(checkSize("llama", &l.Llama, l.vocab, l.positions), c.err()); err != nil {
		return opened{}, err
	}
	return opened{&l.Llama, l.vocab, l.positions, func(names) Model { return newLlama(l.filled(), l.vocab, l.positions, l.eps, nil) }}, nil
}
