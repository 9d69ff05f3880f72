package nn

import (
	"fmt"
	"reflect"
	"strings"

	"fragua/model/tensor"
)

// A Param is a tensor and its name in a checkpoint (Hugging Face's names).
type Param struct {
	Name string
	*tensor.Tensor
	Decay bool // weight decay applies: matrices yes; biases, norms and gains no
	Group int  // depth, for discriminative rates and unfreezing: 0 embeddings, 1…N blocks, N+1 final norm and head
	// Transposed: the checkpoint holds the matrix as (in, out), as GPT-2's Conv1D
	// does; in memory it is (out, in) like every other.
	Transposed bool
}

// Params lists the parameters of a module in the order of its fields. Fields
// before the first slice are group 0, element i of the slice is group i+1, and
// what follows comes after the last. A tensor met twice (a tied one) is listed
// once, under its first name. The tag option "transposed" sets Turned.
func Params(module any) []Param {
	w := walker{seen: map[*tensor.Tensor]bool{}}
	w.walk(reflect.ValueOf(module), "", false, true)
	return w.params
}

type walker struct {
	params []Param
	group  int
	seen   map[*tensor.Tensor]bool
}

var tensorType = reflect.TypeFor[*tensor.Tensor]()

func (w *walker) walk(v reflect.Value, name string, transposed, top bool) {
	switch {
	case v.Type() == tensorType:
		t := v.Interface().(*tensor.Tensor)
		if t == nil || w.seen[t] {
			return
		}
		w.seen[t] = true
		w.params = append(w.params, Param{Name: name, Tensor: t, Decay: len(t.Shape) > 1, Group: w.group, Transposed: transposed && len(t.Shape) == 2})
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		if !v.IsNil() {
			w.walk(v.Elem(), name, transposed, top)
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			if top {
				w.group++
			}
			w.walk(v.Index(i), fmt.Sprintf("%s.%d", name, i), transposed, false)
		}
		if top {
			w.group++
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			part, option, ok := tagOf(v.Type().Field(i))
			if !ok {
				continue
			}
			f := v.Field(i)
			w.walk(f, join(name, part), transposed || option == "transposed", top && f.Kind() == reflect.Slice)
		}
	}
}

// tagOf reads `st:"name,option"`.
func tagOf(f reflect.StructField) (name, option string, ok bool) {
	tag, ok := f.Tag.Lookup("st")
	name, option, _ = strings.Cut(tag, ",")
	return name, option, ok
}

func join(name, part string) string {
	if name == "" || part == "" {
		return name + part
	}
	return name + "." + part
}

// Count is how many numbers the parameters hold.
func Count(params []Param) (n int) {
	for _, p := range params {
		n += p.Rows() * p.Cols() // quantized ones have no Data
	}
	return n
}

// Freeze makes the parameters that the test names frozen, and all others not.
func Freeze(params []Param, frozen func(Param) bool) {
	for _, p := range params {
		switch {
		case frozen(p):
			p.Grad = nil
		case p.Grad == nil:
			p.Grad = make([]float32, len(p.Data))
		}
	}
}
