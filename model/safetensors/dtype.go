package safetensors

import "math"

// dtypes are the element types in the order of Hugging Face's writer, which
// puts the last ones first so that every array is aligned to its elements.
var dtypes = []struct {
	name string
	size int // bytes
}{
	{"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"F8_E5M2", 1}, {"F8_E4M3", 1},
	{"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
	{"I32", 4}, {"U32", 4}, {"F32", 4},
	{"F64", 8}, {"I64", 8}, {"U64", 8},
}

// rank returns the place of an element type in the table above and its size in
// bytes, or -1 if it is not one that we know.
func rank(dtype string) (rank, size int) {
	for i, d := range dtypes {
		if d.name == dtype {
			return i, d.size
		}
	}
	return -1, 0
}

// half widens an IEEE 754 binary16.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch {
	case exp == 31: // infinity or NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp > 0:
		return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
	}
	f := float32(frac) * (1.0 / (1 << 24)) // subnormal: exact
	if sign != 0 {
		return -f
	}
	return f
}

// bfloat widens a bfloat16: the upper half of a float32.
func bfloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
