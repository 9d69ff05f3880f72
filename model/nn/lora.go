package nn

import (
	"fmt"
	"math"
	"reflect"

	"fragua/model/kernel"
	"fragua/model/tensor"
)

// A LoRA adapts some outputs of a Linear: y[:, From:From+out] +=
// Scale·dropout(x)·Aᵀ·Bᵀ (Hu et al. 2021, LoRA, section 4.1). B starts at 0, so
// that nothing changes at first.
//
// With a Magnitude it is DoRA (Liu et al. 2024, section 4.1): each row of the adapted
// weights W + Scale·B·A is scaled to the length that Magnitude says, and the length that
// it had counts as a constant in the gradient (section 4.3). It adapts all outputs then,
// and is the layer's only adapter.
type LoRA struct {
	A         *tensor.Tensor // (rank, in)
	B         *tensor.Tensor // (out, rank)
	Magnitude *tensor.Tensor // (out), or nil
	From      int            // first output it adapts: a fused q|k|v has one for each part
	Scale     float32        // α/rank
	Dropout   float32
}

// Adapt adds to l an adapter of outputs [from, from+out). A is drawn evenly
// from ±1/√in.
func (l *Linear) Adapt(rank, from, out int, scale, dropout float32, d *Init) *LoRA {
	in := l.W.Cols()
	if rank < 1 || from < 0 || out < 1 || from+out > l.W.Rows() {
		panic(fmt.Sprintf("nn: adapter of rank %d for outputs %d to %d of a layer of %v", rank, from, from+out, l.W.Shape))
	}
	a := &LoRA{A: d.Uniform(1/math.Sqrt(float64(in)), rank, in), B: tensor.Param(out, rank), From: from, Scale: scale, Dropout: dropout}
	l.Adapters = append(l.Adapters, a)
	return a
}

// Decompose makes the layer's only adapter DoRA; nothing changes at first.
func (l *Linear) Decompose() {
	a := l.Adapters[0]
	a.Magnitude = tensor.Param(l.W.Rows())
	copy(a.Magnitude.Data, a.lengths(nil, l.W).Data)
}

// Merge adds the adapters to W and removes them.
func (l *Linear) Merge() {
	in := l.W.Cols()
	for _, a := range l.Adapters {
		row := make([]float32, in)
		for o := range a.B.Rows() {
			tensor.AdaptedRow(row, l.W, a.A, a.B, a.Scale, a.From+o, o)
			if a.Magnitude != nil {
				scale := a.Magnitude.Data[o] / float32(math.Sqrt(kernel.SumSquares(row)))
				for i := range row {
					row[i] *= scale
				}
			}
			copy(l.W.Data[(a.From+o)*in:][:in], row)
		}
	}
	l.Adapters = nil
}

// adapted is x·Wᵀ + b with the adapters.
func (l *Linear) adapted(tp *tensor.Tape, x *tensor.Tensor) *tensor.Tensor {
	if a := l.Adapters[0]; a.Magnitude != nil {
		return tp.ScaleColumns(a.add(tp, tp.Linear(x, l.W, nil), x), a.Magnitude, a.lengths(tp, l.W), l.B)
	}
	y := tp.Linear(x, l.W, l.B)
	for _, a := range l.Adapters {
		y = a.add(tp, y, x)
	}
	return y
}

// lengths are those of the rows of W + Scale·B·A; the adapter is of all of them.
func (a *LoRA) lengths(tp *tensor.Tape, w *tensor.Tensor) *tensor.Tensor {
	return tp.AdaptedLengths(w, a.A, a.B, a.Scale)
}

func (a *LoRA) add(tp *tensor.Tape, y, x *tensor.Tensor) *tensor.Tensor {
	in := tp.Dropped(x, x.Rows(), a.Dropout)
	return tp.AddColumns(y, a.From, tp.Linear(tp.Linear(in, a.A, nil), a.B, nil), a.Scale)
}

// A Named is a Linear and the name of its W in a checkpoint, without ".weight".
type Named struct {
	Name string
	*Linear
}

// Linears lists the linear layers of a module in the order of its fields.
func Linears(module any) (list []Named) {
	layers(reflect.ValueOf(module), "", &list)
	return list
}

func layers(v reflect.Value, name string, list *[]Named) {
	switch {
	case v.Type() == reflect.TypeFor[*Linear]():
		if !v.IsNil() {
			*list = append(*list, Named{name, v.Interface().(*Linear)})
		}
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		if !v.IsNil() {
			layers(v.Elem(), name, list)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			layers(v.Index(i), fmt.Sprintf("%s.%d", name, i), list)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if part, _, ok := tagOf(v.Type().Field(i)); ok {
				layers(v.Field(i), join(name, part), list)
			}
		}
	}
}
