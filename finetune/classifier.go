package finetune

import (
	"context"
	"errors"
	"fmt"

	"fragua/finetune/examples"
	"fragua/model"
	"fragua/model/nn"
	"fragua/model/tensor"
)

// A classifier is a pretrained network with a linear head over its last states.
type classifier struct {
	lm      model.Model
	goal    Batcher
	pool    Pool // never PoolAuto
	dropout float32
	weights []float32 // of the classes in the loss; nil: alike
	loss    tensor.Criterion
	head    *nn.Linear // (classes, width), or (classes, 3·width) with PoolConcat
}

// scoreName is the head's name in a checkpoint, as transformers'
// GPT2ForSequenceClassification and LlamaForSequenceClassification have it.
const scoreName = "score.weight"

func newClassifier(m model.Model, goal Batcher, classes int, pool Pool, dropout float32, d *nn.Init) *classifier {
	if pool == PoolAuto {
		pool = PoolMean
		if _, decoder := m.(model.LanguageModel); decoder {
			pool = PoolLast
		}
	}
	width := m.Width()
	if pool == PoolConcat {
		width *= 3
	}
	return &classifier{lm: m, goal: goal, pool: pool, dropout: dropout, head: nn.NewLinear(width, classes, false, 0.02, d)}
}

// Params are the network's, without an output layer that nothing reads, and
// the head, which goes with the last group.
func (c *classifier) Params() []nn.Param {
	var ps []nn.Param
	last := 0
	lm, decoder := c.lm.(model.LanguageModel)
	for _, p := range c.lm.Params() {
		if decoder && p.Tensor == lm.Head() && p.Group > 0 {
			continue // a tied one is the embedding, of group 0
		}
		last = max(last, p.Group)
		ps = append(ps, p)
	}
	return append(append(ps, model.AdapterParams(c.lm)...), c.headParam(last))
}

func (c *classifier) headParam(group int) nn.Param {
	return nn.Param{Name: scoreName, Tensor: c.head.W, Decay: true, Group: group}
}

// Extra is the head, and the classes under transformers' keys.
func (c *classifier) Extra(classes []string) model.Extra {
	x := model.Extra{Params: []nn.Param{c.headParam(0)}, Config: classNames(classes)}
	x.Config["problem_type"] = map[tensor.Criterion]string{tensor.Softmax: "single_label_classification", tensor.Sigmoid: "multi_label_classification", tensor.Squared: "regression"}[c.loss]
	if class := model.ClassifierClass(c.lm); class != "" && c.pool == PoolLast {
		x.Config["architectures"] = []string{class}
	}
	return x
}

// classNames are the classes under transformers' keys of config.json.
func classNames(classes []string) map[string]any {
	id2label, label2id := map[string]string{}, map[string]int{}
	for i, l := range classes {
		id2label[fmt.Sprint(i)], label2id[l] = l, i
	}
	return map[string]any{"id2label": id2label, "label2id": label2id}
}

// pooled takes a batch of B texts to what a head reads: (B, C), or (B, 3C) with
// PoolConcat, of the states of all parts of a text.
func (c *classifier) pooled(tp *tensor.Tape, b *model.Batch, pool Pool) *tensor.Tensor {
	h := c.lm.Hidden(tp, b) // (B·T, C)
	texts := b.B
	if b.Parts != nil {
		texts = len(b.Parts)
	}
	spans := make([]tensor.Span, texts)
	first, last := make([]int32, texts), make([]int32, texts)
	for i, row := 0, 0; i < texts; i++ {
		from, end := row*b.T, (row+1)*b.T
		if b.Parts != nil {
			end = (row + b.Parts[i]) * b.T
		}
		row = end / b.T
		for end > from && b.Docs[end-1] < 0 {
			end--
		}
		spans[i] = tensor.Span{From: from, To: end}
		first[i], last[i] = int32(from), int32(end-1)
	}
	switch pool {
	case PoolFirst:
		return tp.Rows(h, first)
	case PoolMean:
		return tp.Mean(h, spans)
	case PoolConcat:
		return tp.Concat(tp.Rows(h, last), tp.Max(h, spans), tp.Mean(h, spans))
	}
	return tp.Rows(h, last)
}

// logits takes a batch of B texts to (B, classes).
func (c *classifier) logits(tp *tensor.Tape, b *model.Batch) *tensor.Tensor {
	return c.head.Forward(tp, tp.Dropout(c.pooled(tp, b, c.pool), c.dropout))
}

// Loss is cross entropy over the classes or of each of them, or the squared error.
func (c *classifier) Loss(tp *tensor.Tape, b *model.Batch) model.Loss {
	total, nll := tp.ClassLoss(c.logits(tp, b), b.Labels, tensor.ClassOptions{Loss: c.loss, Weights: c.weights, Norm: b.Norm})
	return model.Loss{Total: total, NLL: nll, Targets: len(b.Labels) / c.head.W.Rows()}
}

// forEach runs texts in batches of similar lengths through part of the network and
// gives f the index of each text and its row of the result, which is valid during the
// call; texts that are too long and to be dropped are left out.
func (c *classifier) forEach(ctx context.Context, m *Tuned, set []examples.Example, part func(*tensor.Tape, *model.Batch) *tensor.Tensor, f func(i int, row []float32)) error {
	rows, err := m.prompts(set)
	if err != nil {
		return err
	}
	var b model.Batch
	tp := tensor.Scratch()
	for _, at := range inOrder(rows, rowsAtOnce) {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.goal.Fill(&b, pickRows(rows, at), len(m.Classes))
		y := part(tp, &b)
		for i, r := range at {
			f(rows[r].row, y.Data[i*y.Cols():][:y.Cols()])
		}
		tp.Reset()
	}
	return nil
}

// outputs is what the classification head says of each text; nil for one that is left out.
func (m *Tuned) outputs(ctx context.Context, set []examples.Example) ([][]float32, error) {
	c, ok := m.Model.(*classifier)
	if !ok {
		return nil, errors.New("the model has no classification head")
	}
	return c.means(ctx, m, set, c.logits)
}

// means are the rows of each text, averaged over its windows; nil for one that is left out.
func (c *classifier) means(ctx context.Context, m *Tuned, set []examples.Example, part func(*tensor.Tape, *model.Batch) *tensor.Tensor) ([][]float32, error) {
	out, windows := make([][]float32, len(set)), make([]int, len(set))
	err := c.forEach(ctx, m, set, part, func(i int, row []float32) {
		if windows[i]++; out[i] == nil {
			out[i] = append([]float32(nil), row...)
			return
		}
		for k, v := range row {
			out[i][k] += v
		}
	})
	for i, n := range windows {
		if n > 1 {
			for k := range out[i] {
				out[i][k] /= float32(n)
			}
		}
	}
	return out, err
}
