package model

import (
	"cmp"
	"errors"
	"math"

	"fragua/model/nn"
	"fragua/model/tensor"
	"fragua/pipeline/fault"
)

// GPT is the settings of a GPT-2 (Radford et al. 2019): learned positions,
// layer norms before each part, GELU, and a head tied to the embedding.
type GPT struct {
	Layers    int     `yaml:"layers" doc:"Blocks of attention and feed-forward."`
	Heads     int     `yaml:"heads" doc:"Attention heads; each has width/heads features."`
	Width     int     `yaml:"width" doc:"Features of one position (hidden size)."`
	Dropout   float32 `yaml:"dropout" doc:"Share dropped of the embeddings and of what each part adds, while training."`
	Recompute bool    `yaml:"recompute" doc:"Activation checkpointing: keep one block's results at a time and compute them again in the backward pass; less memory, a third more time."`

	variant gptVariant
}

func (g *GPT) mlpWidth() int { return cmp.Or(g.variant.hidden, 4*g.Width) }

func (g *GPT) activation() nn.Activation { return cmp.Or(g.variant.activation, "gelu_new") }

// Check implements Arch.
func (g *GPT) Check() []fault.Fault {
	var f faults
	f.positive("layers", g.Layers)
	f.positive("heads", g.Heads)
	f.positive("width", g.Width)
	if g.variant.hidden != 0 {
		f.positive("n_inner", g.variant.hidden)
	}
	f.divides("heads", g.Heads, "width", g.Width)
	f.rate("dropout", g.Dropout)
	return f
}

// Size implements Arch. Of each position a block keeps two norms (2C), q|k|v
// (3C), what attention gives and adds (2C), the feed-forward before and after
// GELU (8C) and what that adds (C); the backward pass holds also the
// gradients of what it adds and of the norm before.
func (g *GPT) Size(vocab, context, rows int) Size {
	c, l, n := g.Width, g.Layers, rows*context
	h := g.mlpWidth()
	params := vocab*c + context*c + l*(4*c*c+2*c*h+9*c+h) + 2*c
	if g.variant.untied {
		params += vocab * c
	}
	kept, block, widest := 3*c, 8*c+2*h+g.Heads+4, 2*c
	if g.Recompute {
		kept, widest = kept+l*c, block+widest
	} else {
		kept += l * block
	}
	return size(params, l*c*context, n*kept, n*widest, n*c, headLogits(n, vocab))
}

// Build implements Arch. Weights start from N(0, 0.02²), those that write into
// the residual stream from 0.02/√(2·layers) (section 2.3 of the paper).
func (g *GPT) Build(vocab, context int, seed uint64) (LanguageModel, error) {
	if err := checkSize("gpt", g, vocab, context); err != nil {
		return nil, err
	}
	return newGPT(*g, vocab, context, 1e-5, nn.NewInit(seed)), nil
}

// gptVariant is what checkpoints from elsewhere may do differently; the zero value is GPT-2.
type gptVariant struct {
	hidden           int // of the feed-forward; 0: 4·width
	activation       nn.Activation
	embeddingDropout *float32
	scales           []float32
	untied           bool
}

type gpt struct {
	checkpoint
	GPT
	vocab, context int
	eps            float32

	TokenEmbedding    *nn.Embedding `st:"transformer.wte"` // (V, C)
	PositionEmbedding *nn.Embedding `st:"transformer.wpe"` // (context, C)
	Blocks            []*gptBlock   `st:"transformer.h"`
	FinalNorm         *nn.LayerNorm `st:"transformer.ln_f"`
	LMHead            *nn.Embedding `st:"lm_head"` // (V, C); nil: tied
}

type gptBlock struct {
	AttnNorm *nn.LayerNorm `st:"ln_1"`
	QKV      *nn.Linear    `st:"attn.c_attn,transposed"` // C → 3C
	Out      *nn.Linear    `st:"attn.c_proj,transposed"` // C → C
	MLPNorm  *nn.LayerNorm `st:"ln_2"`
	Up       *nn.Linear    `st:"mlp.c_fc,transposed"`   // C → 4C
	Down     *nn.Linear    `st:"mlp.c_proj,transposed"` // 4C → C
}

func newGPT(c GPT, vocab, context int, eps float32, d *nn.Init) *gpt {
	const std = 0.02
	residual := std / math.Sqrt(2*float64(c.Layers))
	hidden := c.mlpWidth()
	g := &gpt{GPT: c, vocab: vocab, context: context, eps: eps,
		TokenEmbedding:    nn.NewEmbedding(vocab, c.Width, std, d),
		PositionEmbedding: nn.NewEmbedding(context, c.Width, std, d),
		FinalNorm:         nn.NewLayerNorm(c.Width, eps),
	}
	for range c.Layers {
		g.Blocks = append(g.Blocks, &gptBlock{
			AttnNorm: nn.NewLayerNorm(c.Width, eps),
			QKV:      nn.NewLinear(c.Width, 3*c.Width, true, std, d),
			Out:      nn.NewLinear(c.Width, c.Width, true, residual, d),
			MLPNorm:  nn.NewLayerNorm(c.Width, eps),
			Up:       nn.NewLinear(c.Width, hidden, true, std, d),
			Down:     nn.NewLinear(hidden, c.Width, true, residual, d),
		})
	}
	if c.variant.untied {
		g.LMHead = nn.NewEmbedding(vocab, c.Width, std, d)
	}
	return g
}

func (g *GPT) embeddingDropout() float32 {
	if g.variant.embeddingDropout != nil {
		return *g.variant.embeddingDropout
	}
	return g.Dropout
}

// forward takes N ids at their positions to states (N, C).
func (g *gpt) forward(tp *tensor.Tape, ids, pos []int32, at attentionContext) *tensor.Tensor {
	x := tp.AddTo(g.TokenEmbedding.Forward(tp, ids), g.PositionEmbedding.Forward(tp, pos)) // (N, C)
	x = tp.Dropout(x, g.embeddingDropout())
	for i, b := range g.Blocks {
		if !recomputes(tp, g.Recompute, len(ids)) {
			x = b.forward(tp, x, i, at, &g.GPT)
			continue
		}
		pass := tensor.Temp[gptPass](tp)
		*pass = gptPass{b, i, at, &g.GPT}
		x = tp.Recompute(x, pass)
	}
	return g.FinalNorm.Forward(tp, x)
}

// A gptPass is a block at work.
type gptPass struct {
	*gptBlock
	layer int
	at    attentionContext
	c     *GPT
}

// Forward implements tensor.Part.
func (p *gptPass) Forward(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	return p.forward(tp, x, p.layer, p.at, p.c)
}

// forward takes (N, C) to the same.
func (b *gptBlock) forward(tp *tensor.Tape, x *tensor.Tensor, layer int, at attentionContext, s *GPT) *tensor.Tensor {
	c := x.Cols()
	h := b.QKV.Forward(tp, b.AttnNorm.Forward(tp, x)) // (N, 3C)
	q, k, v := tensor.Heads{X: h}, tensor.Heads{X: h, Col: c}, tensor.Heads{X: h, Col: 2 * c}
	x = b.Out.Residual(tp, at.attend(tp, layer, q, k, v), x, s.Dropout) // (N, C)
	return s.activation().MLP(tp, b.Up, b.Down, b.MLPNorm.Forward(tp, x), x, s.Dropout)
}

func (g *gpt) Params() []nn.Param { return nn.Params(g) }
func (g *gpt) Width() int         { return g.GPT.Width }
func (g *gpt) Context() int       { return g.context }
func (g *gpt) Vocab() int         { return g.vocab }
func (g *gpt) Head() *tensor.Tensor {
	if g.LMHead != nil {
		return g.LMHead.W
	}
	return g.TokenEmbedding.W
}
func (g *gpt) heads() heads {
	return heads{layers: g.GPT.Layers, n: g.GPT.Heads, kv: g.GPT.Heads, dim: g.GPT.Width / g.GPT.Heads, scales: g.variant.scales}
}
func (g *gpt) Decoder() Decoder { return newDecoder(g) }

func (g *gpt) Hidden(tp *tensor.Tape, b *Batch) *tensor.Tensor {
	return g.forward(tp, b.IDs, positions(tp, b), g.heads().inBatch(tp, b, true))
}

func (g *gpt) Loss(tp *tensor.Tape, b *Batch) Loss { return headLoss(tp, g, b) }

// gptConfig is config.json as transformers' GPT2Config has it.
type gptConfig struct {
	Architectures []string `json:"architectures"`
	ModelType     string   `json:"model_type"`
	Vocab         int      `json:"vocab_size"`
	Positions     int      `json:"n_positions"`
	Width         int      `json:"n_embd"`
	Layers        int      `json:"n_layer"`
	Heads         int      `json:"n_head"`
	Inner         *int     `json:"n_inner"`
	Activation    string   `json:"activation_function"`
	ResidDropout  float32  `json:"resid_pdrop"`
	EmbdDropout   float32  `json:"embd_pdrop"`
	AttnDropout   float32  `json:"attn_pdrop"`
	Eps           float32  `json:"layer_norm_epsilon"`
	InitStd       float32  `json:"initializer_range"`
	Tied          *bool    `json:"tie_word_embeddings"`
}

// alias implements tied arrays of checkpoints.
func (g *gpt) alias(name string) *tensor.Tensor { return headAlias(g, name) }

func (g *gpt) classifierClass() string { return "GPT2ForSequenceClassification" }

func (g *gpt) config() any {
	tied := true
	return gptConfig{[]string{"GPT2LMHeadModel"}, "gpt2", g.vocab, g.context, g.GPT.Width, g.Layers, g.Heads, nil,
		"gelu_new", g.Dropout, g.Dropout, 0, g.eps, 0.02, &tied}
}

func openGPT(c *config) (opened, error) {
	g := GPT{Layers: c.Int("n_layer", 12), Heads: c.Int("n_head", 12), Width: c.Int("n_embd", 768), Dropout: float32(c.Float("resid_pdrop", .1))}
	vocab, positions, eps := c.Int("vocab_size", 50257), c.Int("n_positions", 1024), float32(c.Float("layer_norm_epsilon", 1e-5))
	embedding := float32(c.Float("embd_pdrop", .1))
	g.variant = gptVariant{hidden: c.Int("n_inner", 0), embeddingDropout: &embedding, untied: !c.Bool("tie_word_embeddings", true)}
	c.Only("activation_function", nn.Activations...)
	g.variant.activation = nn.Activation(c.String("activation_function", "gelu_new"))
	weights, byLayer := c.Bool("scale_attn_weights", true), c.Bool("scale_attn_by_inverse_layer_idx", false)
	c.Only("n_ctx", positions)                          // its old name
	c.Harmless("reorder_and_upcast_attn", "attn_pdrop", // attention weights are never dropped
		"summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj")
	if err := errors.Join(checkSize("gpt2", &g, vocab, positions), c.err()); err != nil {
		return opened{}, err
	}
	if !weights || byLayer {
		for l := range g.Layers {
			scale := 1.0
			if weights {
				scale = 1 / math.Sqrt(float64(g.Width/g.Heads))
			}
			if byLayer {
				scale /= float64(l + 1)
			}
			g.variant.scales = append(g.variant.scales, float32(scale))
		}
	}
	return opened{&g, vocab, positions, func(names) Model { return newGPT(g, vocab, positions, eps, nil) }}, nil
}
