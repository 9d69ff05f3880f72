//go:build amd64 && !purego

package gemm

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"fragua/model/kernel/par"
)

// amxSkinny multiplies 16 rows of x and more with int8 by AMX. Its instructions multiply bytes, so the
// words of x are cut in two: x = 256·high + low, with a signed high byte and an unsigned low one. Sums
// of whole numbers are then the same as by any other instruction.
type amxSkinny struct{ *skinnyASM }

func withAMX(s skinnyKernels) skinnyKernels {
	if a, ok := s.(*skinnyASM); ok && cpu.X86.HasAMXInt8 {
		return amxSkinny{a}
	}
	return s
}

const amxColumns = 32 // rows of W side by side

//go:noescape
func amxSplit(n int, high, low *int8, src *int16)

//go:noescape
func amxInt8(strips, k int, high, low *int8, lda int, b *float32, c *float32, ldc, columns int, sums *int32)

// arrange replaces a row of words by their high bytes, followed by the low ones.
func (amxSkinny) arrange(row []int16, m int) {
	if m < amxRows {
		return
	}
	n := len(row)
	scratch := par.GetScratch((n + 1) / 2)
	defer par.PutScratch(scratch)
	words := unsafe.Slice((*int16)(unsafe.Pointer(&scratch[0])), n)
	copy(words, row)
	high := (*int8)(unsafe.Pointer(&row[0]))
	amxSplit(n/32, high, (*int8)(unsafe.Add(unsafe.Pointer(high), n)), &words[0])
}

func (a amxSkinny) int8(s skinnyArgs[int16, int8]) {
	if s.m < amxRows {
		a.skinnyASM.int8(s)
		return
	}
	blocks := s.k / 64
	scratch := par.GetScratch(s.k/4*amxColumns + 2*amxRows*amxColumns)
	defer par.PutScratch(scratch)
	panel, rest := scratch[:s.k/4*amxColumns], scratch[s.k/4*amxColumns:]
	sums := (*int32)(unsafe.Pointer(&rest[0]))
	strip := func(i, strips, j, columns int) {
		high := (*int8)(unsafe.Pointer(&s.x[i*s.ldx]))
		amxInt8(strips, blocks, high, (*int8)(unsafe.Add(unsafe.Pointer(high), s.ldx)), 2*s.ldx, &panel[0], &s.c[i*s.ldc+j], s.ldc, columns, sums)
	}
	for j := 0; j < s.n; j += amxColumns {
		columns := min(amxColumns, s.n-j)
		packInt8(panel, s.w[j*s.ldw:], s.ldw, columns)
		strip(0, s.m/amxRows, j, columns)
		if s.m%amxRows > 0 { // the last rows once more, with some of those before
			strip(s.m-amxRows, 1, j, columns)
		}
	}
}

// packInt8 lays out rows of W as columns of a panel of four bytes each; what is missing of 32 is 0.
func packInt8(panel []float32, w []int8, ldw, columns int) {
	const lanes = 16
	if columns < amxColumns {
		clear(panel)
	}
	words := unsafe.Slice((*float32)(unsafe.Pointer(&w[0])), len(w)/4)
	for j := 0; j < columns; j += lanes {
		if columns-j >= lanes {
			transposeAVX512(ldw/64, &words[j*ldw/4], ldw/4, &panel[j], amxColumns)
			continue
		}
		for r := j; r < columns; r++ {
			for q, word := range words[r*ldw/4:][:ldw/4] {
				panel[q*amxColumns+r] = word
			}
		}
	}
}
