package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Types are what Convert can make of floating-point arrays, by PyTorch's name.
var Types = map[string]string{"float32": "F32", "float16": "F16", "bfloat16": "BF16"}

// Convert returns an array's numbers as F32, F16 or BF16, rounded to the nearest, ties to even. A
// number that F16 cannot hold is an error.
func Convert(name, dtype string, shape []int, v []float32) (Array, error) {
	if dtype == "F32" {
		return Float32(name, shape, v), nil
	}
	a := Array{Name: name, DType: dtype, Shape: slices.Clone(shape), Data: make([]byte, 0, 2*len(v))}
	for i, x := range v {
		h := BFloat(x)
		if dtype == "F16" {
			if h = Half(x); h&0x7c00 == 0x7c00 && x-x == 0 {
				return Array{}, fmt.Errorf("array %q holds %g at %d, which float16 cannot; bfloat16 can", name, x, i)
			}
		}
		a.Data = binary.LittleEndian.AppendUint16(a.Data, h)
	}
	return a, nil
}

// Half rounds to IEEE 754 binary16; what is too large becomes infinite.
func Half(x float32) uint16 {
	u := math.Float32bits(x)
	sign, magnitude := uint16(u>>16&0x8000), math.Abs(float64(x))
	switch {
	case x != x:
		return sign | 0x7e00
	case magnitude >= 65520:
		return sign | 0x7c00
	case magnitude < 1.0/(1<<14): // subnormal, or rounds up to the least normal
		return sign | uint16(math.RoundToEven(magnitude*(1<<24)))
	}
	m := u & 0x7fffffff
	m += 0xfff + m>>13&1
	return sign | uint16(m>>13-112<<10)
}

// BFloat rounds to bfloat16.
func BFloat(x float32) uint16 {
	u := math.Float32bits(x)
	if x != x {
		return uint16(u>>16) | 1<<6
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}

// FromHalf and FromBFloat widen.
func FromHalf(h uint16) float32   { return half(h) }
func FromBFloat(h uint16) float32 { return bfloat(h) }

// A Plan says which arrays lie in which file of a folder: one file, or shards of at most this many
// bytes, as transformers names them. A larger array has a shard of its own.
type Plan struct {
	Files [][]string // names of arrays
	total int64
}

// PlanShards distributes arrays of this many bytes in their order.
func PlanShards(names []string, size func(name string) int64, limit int64) (p Plan) {
	at := int64(0)
	for _, name := range names {
		n := size(name)
		if len(p.Files) == 0 || at+n > limit {
			p.Files, at = append(p.Files, nil), 0
		}
		last := len(p.Files) - 1
		p.Files[last] = append(p.Files[last], name)
		at += n
		p.total += n
	}
	return p
}

// Name is the name of file i.
func (p Plan) Name(i int) string {
	if len(p.Files) == 1 {
		return SingleFile
	}
	return fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(p.Files))
}

// Index is the bytes of model.safetensors.index.json; nil where there is one file.
func (p Plan) Index() ([]byte, error) {
	if len(p.Files) < 2 {
		return nil, nil
	}
	where := map[string]string{}
	for i, names := range p.Files {
		for _, n := range names {
			where[n] = p.Name(i)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(map[string]any{"metadata": map[string]any{"total_size": p.total}, "weight_map": where})
	return b.Bytes(), err
}
