package nn

import (
	"fmt"
	"math"
	"reflect"

	"fragua/model/tensor"
)

// A LoRA adapts some outputs of a Linear: y[:, From:From+out] +=
// Scale·dropout(x)·Aᵀ·Bᵀ (Hu et al. 2021, LoRA, section 4.1). B starts at 0, so
// that nothing changes at first.
type LoRA struct {
	A       *tensor.Tensor // (rank, in)
	B       *tensor.Tensor // (out, rank)
	From    int            // first output it adapts: a fused q|k|v has one for each part
	Scale   float32        // α/rank
	Dropout float32
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

// Merge adds the adapters to W and removes them.
func (l *Linear) Merge() {
	in := l.W.Cols()
	for _, a := range l.Adapters {
		rank := a.A.Rows()
		for o := range a.B.Rows() {
			row := l.W.Data[(a.From+o)*in:][:in]
			for r := range rank {
				f := float32(a.Scale * a.B.Data[o*rank+r])
				for i, v := range a.A.Data[r*in:][:in] {
					row[i] += float32(f * v)
				}
			}
		}
	}
	l.Adapters = nil
}

func (l *Linear) adapters(tp *tensor.Tape, y, x *tensor.Tensor) *tensor.Tensor {
	for _, a := range l.Adapters {
		in := tp.Dropped(x, x.Rows(), a.Dropout)
		y = tp.AddColumns(y, a.From, tp.Linear(tp.Linear(in, a.A, nil), a.B, nil), a.Scale)
	}
	return y
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
