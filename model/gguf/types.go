package gguf

import (
	"encoding/binary"
	"fmt"
	"math"

	"fragua/model/safetensors"
)

// A Type is how an array is stored, by ggml's number.
type Type uint32

// The types that are read; those with a writer in kinds are written as well.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q8_0 Type = 8
	Q4_K Type = 12
	Q6_K Type = 14
	BF16 Type = 30
)

// names are ggml's, those that are refused as well.
var names = map[Type]string{F32: "F32", F16: "F16", Q4_0: "Q4_0", Q4_1: "Q4_1", 6: "Q5_0", 7: "Q5_1", Q8_0: "Q8_0", 9: "Q8_1",
	10: "Q2_K", 11: "Q3_K", Q4_K: "Q4_K", 13: "Q5_K", Q6_K: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
	19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
	29: "IQ1_M", BF16: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4"}

func (t Type) String() string {
	if s, ok := names[t]; ok {
		return s
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// A kind is how many numbers a block has, in how many bytes, and how it is read and written.
type kind struct {
	block, bytes int
	read         func(x []float32, b []byte)
	write        func(b []byte, x []float32) // nil: it is read only
}

var kinds = map[Type]kind{
	F32: {1, 4, func(x []float32, b []byte) { x[0] = math.Float32frombits(binary.LittleEndian.Uint32(b)) },
		func(b []byte, x []float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(x[0])) }},
	F16: {1, 2, func(x []float32, b []byte) { x[0] = half(b) }, func(b []byte, x []float32) { putHalf(b, x[0]) }},
	BF16: {1, 2, func(x []float32, b []byte) {
		x[0] = safetensors.FromBFloat(binary.LittleEndian.Uint16(b))
	}, func(b []byte, x []float32) { binary.LittleEndian.PutUint16(b, safetensors.BFloat(x[0])) }},
	Q4_0: {32, 18, readQ40, nil},
	Q4_1: {32, 20, readQ41, nil},
	Q8_0: {32, 34, readQ80, writeQ80},
	Q4_K: {256, 144, readQ4K, writeQ4K},
	Q6_K: {256, 210, readQ6K, writeQ6K},
}

func readQ40(x []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:18] {
		x[i], x[i+16] = d*(float32(q&15)-8), d*(float32(q>>4)-8)
	}
}

func readQ41(x []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for i, q := range b[4:20] {
		x[i], x[i+16] = float32(d*float32(q&15))+m, float32(d*float32(q>>4))+m
	}
}

func readQ80(x []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:34] {
		x[i] = d * float32(int8(q))
	}
}

func writeQ80(b []byte, x []float32) {
	most := float32(0)
	for _, v := range x {
		most = max(most, abs(v))
	}
	d, inverse := most/127, float32(0)
	if d != 0 {
		inverse = 1 / d
	}
	putHalf(b, d)
	for i, v := range x {
		b[2+i] = byte(int8(math.Round(float64(v * inverse))))
	}
}

// scaleQ4K unpacks the six-bit scale and minimum of sub-block j from 12 bytes.
func scaleQ4K(s []byte, j int) (scale, least byte) {
	if j < 4 {
		return s[j] & 63, s[j+4] & 63
	}
	return s[j+4]&15 | s[j-4]>>6<<4, s[j+4]>>4 | s[j]>>6<<4
}

func readQ4K(x []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for j := range 8 {
		s, l := scaleQ4K(b[4:16], j)
		ds, ml := d*float32(s), m*float32(l)
		for i, q := range b[16+j/2*32:][:32] {
			x[32*j+i] = float32(ds*float32(q>>(4*(j%2))&15)) - ml
		}
	}
}

// writeQ4K gives each 32 numbers a scale and a minimum, and those six bits of the block's largest.
func writeQ4K(b []byte, x []float32) {
	var scales, leasts [8]float32
	for j := range 8 {
		scales[j], leasts[j] = fit15(x[32*j:][:32])
	}
	top := func(v [8]float32) (most float32) {
		for _, s := range v {
			most = max(most, s)
		}
		return most
	}
	putHalf(b, top(scales)/63)
	putHalf(b[2:], top(leasts)/63)
	d, m := half(b), half(b[2:]) // as they are rounded
	six := func(v, unit float32) byte {
		if unit == 0 {
			return 0
		}
		return byte(min(63, math.Round(float64(v/unit))))
	}
	clear(b[4:144])
	for j := range 8 {
		s, l := six(scales[j], d), six(leasts[j], m)
		if j < 4 {
			b[4+j], b[8+j] = b[4+j]|s, b[8+j]|l
		} else {
			b[8+j] = s&15 | l<<4
			b[j] |= s >> 4 << 6
			b[4+j] |= l >> 4 << 6
		}
		ds, ml := d*float32(s), m*float32(l)
		for i, v := range x[32*j:][:32] {
			q := byte(0)
			if ds > 0 {
				q = byte(max(0, min(15, math.Round(float64((v+ml)/ds)))))
			}
			b[16+j/2*32+i] |= q << (4 * (j % 2))
		}
	}
}

// fit15 finds a scale and a minimum, neither below 0, so that scale·q − least with q of 0 to 15 is
// near x: of several scales about (max−min)/15 the one with the least squared error.
func fit15(x []float32) (scale, least float32) {
	low, high := float32(0), x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	if high <= low {
		return 0, -low
	}
	best := math.Inf(1)
	for step := range 21 {
		s := (high - low) / (13.5 + 0.15*float32(step)) // steps of 1 % about 15
		l, e := -low, 0.0
		for range 2 { // the minimum that fits the rounded numbers best, then the error
			var sum float32
			e = 0
			for _, v := range x {
				q := float32(max(0, min(15, math.Round(float64((v+l)/s)))))
				d := s*q - l - v
				sum += s*q - v
				e += float64(d) * float64(d)
			}
			if e < best {
				best, scale, least = e, s, l
			}
			l = max(0, sum/float32(len(x)))
		}
	}
	return scale, least
}

func readQ6K(x []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for i := range x {
		n, k := i/128, i%128 // 128 numbers share 64 low and 32 high bytes
		q := low[64*n+k%64]>>(4*(k/64))&15 | high[32*n+k%32]>>(2*(k/32))&3<<4
		x[i] = float32(d*float32(int8(scales[i/16]))) * (float32(q) - 32)
	}
}

// writeQ6K gives each 16 numbers a scale, and those 8 bits of the block's largest.
func writeQ6K(b []byte, x []float32) {
	var scales [16]float32
	largest := float32(0)
	for j := range scales {
		if scales[j] = fit63(x[16*j:][:16]); abs(scales[j]) > abs(largest) {
			largest = scales[j]
		}
	}
	clear(b[:210])
	putHalf(b[208:], largest/-128) // the largest scale becomes -128, the whole range of an int8
	d := half(b[208:])             // as it is rounded
	if d == 0 {
		return
	}
	for j, scale := range scales {
		s := int8(max(-128, min(127, math.Round(float64(scale/d)))))
		b[192+j] = byte(s)
		for i, v := range x[16*j:][:16] {
			q := byte(32)
			if s != 0 {
				q = byte(max(0, min(63, math.Round(float64(v/(d*float32(s))))+32)))
			}
			n, k := (16*j+i)/128, (16*j+i)%128
			b[64*n+k%64] |= q & 15 << (4 * (k / 64))
			b[128+32*n+k%32] |= q >> 4 << (2 * (k / 32))
		}
	}
}

// fit63 finds a scale such that scale·q with q of -32 to 31 is near x: of several that lay the
// number of largest size at about -32 the one with the least squared error.
func fit63(x []float32) (scale float32) {
	most := float32(0)
	for _, v := range x {
		if abs(v) > abs(most) {
			most = v
		}
	}
	if most == 0 {
		return 0
	}
	best := math.Inf(1)
	for step := range 19 {
		s := most / -(31.1 + 0.1*float32(step))
		for range 2 { // the scale that fits the rounded numbers best comes second
			var xq, qq float32
			e := 0.0
			for _, v := range x {
				q := float32(max(-32, min(31, math.Round(float64(v/s)))))
				xq, qq = xq+float32(v*q), qq+float32(q*q)
				d := float32(s*q) - v
				e += float64(d) * float64(d)
			}
			if e < best {
				best, scale = e, s
			}
			if qq == 0 || xq == 0 {
				break
			}
			s = xq / qq
		}
	}
	return scale
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// half widens two bytes.
func half(b []byte) float32 { return safetensors.FromHalf(binary.LittleEndian.Uint16(b)) }

func putHalf(b []byte, x float32) { binary.LittleEndian.PutUint16(b, safetensors.Half(x)) }
