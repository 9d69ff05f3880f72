package finetune

import (
	"fmt"

	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// A classifier is a pretrained decoder with a linear head over its last states.
type classifier struct {
	lm      model.LanguageModel
	pool    Pool
	dropout float32
	weights []float32  // of the classes in the loss; nil: alike
	head    *nn.Linear // (classes, width), or (classes, 3·width) with PoolConcat
}

// scoreName is the head's name in a checkpoint, as transformers'
// GPT2ForSequenceClassification and LlamaForSequenceClassification have it.
const scoreName = "score.weight"

func newClassifier(m model.LanguageModel, classes int, pool Pool, dropout float32, d *nn.Init) *classifier {
	width := m.Width()
	if pool == PoolConcat {
		width *= 3
	}
	return &classifier{lm: m, pool: pool, dropout: dropout, head: nn.NewLinear(width, classes, false, 0.02, d)}
}

// Params are the decoder's, without an output layer that nothing reads, and
// the head, which goes with the last group.
func (c *classifier) Params() []nn.Param {
	var ps []nn.Param
	last := 0
	for _, p := range c.lm.Params() {
		if p.Tensor == c.lm.Head() && p.Group > 0 {
			continue // a tied one is the embedding, of group 0
		}
		last = max(last, p.Group)
		ps = append(ps, p)
	}
	return append(ps, c.headParam(last))
}

func (c *classifier) headParam(group int) nn.Param {
	return nn.Param{Name: scoreName, Tensor: c.head.W, Decay: true, Group: group}
}

// Extra is the head, and the classes under transformers' keys.
func (c *classifier) Extra(classes []string) model.Extra {
	x := model.Extra{Params: []nn.Param{c.headParam(0)}}
	id2label, label2id := map[string]string{}, map[string]int{}
	for i, l := range classes {
		id2label[fmt.Sprint(i)], label2id[l] = l, i
	}
	x.Config = map[string]any{"id2label": id2label, "label2id": label2id}
	if class := model.ClassifierClass(c.lm); class != "" && c.pool == PoolLast {
		x.Config["architectures"] = []string{class}
	}
	return x
}

// logits takes a batch of B texts to (B, classes).
func (c *classifier) logits(tp *tensor.Tape, b *model.Batch) *tensor.Tensor {
	h := c.lm.Hidden(tp, b) // (B·T, C)
	spans := make([]tensor.Span, b.B)
	last := make([]int32, b.B)
	for r := range spans {
		n := 0
		for n < b.T && b.Docs[r*b.T+n] >= 0 {
			n++
		}
		spans[r] = tensor.Span{From: r * b.T, To: r*b.T + n}
		last[r] = int32(r*b.T + n - 1)
	}
	x := tp.Rows(h, last) // (B, C)
	if c.pool == PoolConcat {
		x = tp.Concat(x, tp.Max(h, spans), tp.Mean(h, spans)) // (B, 3C)
	}
	return c.head.Forward(tp, tp.Dropout(x, c.dropout))
}

// Loss is cross entropy over the classes.
func (c *classifier) Loss(tp *tensor.Tape, b *model.Batch) model.Loss {
	total, nll := tp.ClassLoss(c.logits(tp, b), b.Labels, tensor.ClassOptions{Weights: c.weights, Norm: b.Norm})
	return model.Loss{Total: total, NLL: nll, Targets: b.B}
}
