package tensor

import (
	"fmt"
	"strings"
	"time"
)

// profile tells Watch how long an operation took: all the time since the one before.
func (tp *Tape) profile(op node, back bool) {
	if tp.Profile == nil {
		return
	}
	name, ok := op.(fmt.Stringer)
	if !ok {
		tp.profileAs(strings.TrimPrefix(fmt.Sprintf("%T", op), "*tensor."), back)
		return
	}
	tp.profileAs(name.String(), back)
}

// profileAs is lap for a part of an operation.
func (tp *Tape) profileAs(name string, back bool) {
	if tp == nil || tp.Profile == nil {
		return
	}
	now := time.Now()
	tp.Profile(name, back, now.Sub(tp.profiled))
	tp.profiled = now
}

func (o *linear) String() string     { return shapeOf("linear", o.w) }
func (o *linearGELU) String() string { return shapeOf("linear+gelu", o.w) }
func (o *linearAdd) String() string  { return shapeOf("linear+add", o.w) }

func (o *feedForward) String() string {
	return fmt.Sprintf("feed-forward %d→%d→%d", o.up.w.Cols(), o.up.w.Rows(), o.down.w.Rows())
}

func (o *gatedFeedForward) String() string {
	return fmt.Sprintf("gated feed-forward %d→%d→%d", o.g.Cols(), o.g.Rows(), o.down.w.Rows())
}

func shapeOf(op string, w *Tensor) string { return fmt.Sprintf("%s %d→%d", op, w.Cols(), w.Rows()) }
