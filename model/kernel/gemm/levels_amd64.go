//go:build amd64 && !purego

package gemm

import (
	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

// Levels lists what this CPU can run, the fastest last.
func Levels() []*Kernels {
	x := cpu.X86
	hasAVX2 := x.HasAVX2 && x.HasFMA && x.HasBMI2
	hasAVX512 := hasAVX2 && x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ
	return inOrder(hasAVX2, hasAVX512, hasAVX512 && x.HasAVX512BF16, hasAMX, cpuid.CPU.VendorID == cpuid.Intel)
}

// inOrder puts avx512bf16 after avx512, but for Intel's CPUs. AMD's since Zen 4 do twice as many
// operations with VDPBF16PS as with FMA (Zen 5: 990 beside 494 GFLOP/s on two cores). Intel's, made
// for AMX, do half as many (Emerald Rapids: 173 beside 355 GFLOP/s), so that rounding and then
// multiplying in float32 is faster: 1.4 times in training. With AMX they do six times as many.
func inOrder(hasAVX2, hasAVX512, hasBF16, hasAMX, intel bool) []*Kernels {
	l := []*Kernels{&Plain}
	if hasAVX2 {
		l = append(l, &avx2)
	}
	if hasBF16 && intel {
		l = append(l, &avx512bf16)
	}
	if hasAVX512 {
		l = append(l, &avx512)
	}
	if hasBF16 && !intel {
		l = append(l, &avx512bf16)
	}
	if hasBF16 && hasAMX {
		l = append(l, &avx512amx)
	}
	return l
}

var avx2 = Kernels{
	Name: "avx2", Lanes: 8, Strip: 12,
	f32: blockedAVX2.gemm, bf16: roundingAVX2.gemm, blocked: &blockedAVX2, blockedBF16: &roundingAVX2,
	skinny: &skinnyAVX2, addTo: vectors2(addToAVX2), round: vectors2(roundAVX2), peak: peakAVX2, readAll: readBlocks(readAVX2),
}

var avx512 = Kernels{
	Name: "avx512", Lanes: 16, Strip: 16,
	f32: blockedAVX512.gemm, bf16: roundingAVX512.gemm, blocked: &blockedAVX512, blockedBF16: &roundingAVX512,
	skinny: withoutVNNI(&skinnyAVX512), addTo: vectors2(addToAVX512), round: vectors2(roundAVX512), peak: peakAVX512, readAll: readBlocks(readAVX512),
}

var avx512bf16 = func() Kernels {
	k := avx512
	k.Name = "avx512bf16"
	k.bf16, k.blockedBF16, k.peakBF16 = splitK(pairsAVX512.gemm), nil, peakBF16AVX512
	return k
}()

// avx512amx packs with AVX512_BF16 and multiplies bfloat16 and int8 with AMX; all else is avx512's.
var avx512amx = func() Kernels {
	k := avx512
	k.Name = "amx"
	k.skinny = withAMX(k.skinny)
	k.bf16, k.blockedBF16, k.peakBF16 = splitK(tilesAMX.gemm), nil, peakAMX
	return k
}()

// withoutVNNI takes the int8 kernels of AVX2 on CPUs before Cascade Lake, which lack VPDPWSSD. Sums of
// whole numbers are the same by any instruction.
func withoutVNNI(s *skinnyASM) *skinnyASM {
	if cpu.X86.HasAVX512VNNI {
		return s
	}
	t := *s
	t.kernelsInt8 = skinnyAVX2.kernelsInt8
	return &t
}

// vectors2 makes assembly, which takes pointers, take slices.
func vectors2(f func(n int, dst, x *float32)) func(dst, x []float32) {
	return func(dst, x []float32) {
		if n := len(dst); n > 0 {
			f(n, &dst[0], &x[:n][0])
		}
	}
}

func readBlocks(f func(n int, x *float32)) func(x []float32) {
	return func(x []float32) { f(len(x)/readBlock, &x[0]) }
}

// roundingAVX2 and roundingAVX512 round while they pack, and multiply in float32.
var roundingAVX2, roundingAVX512 = blockedAVX2.rounding(roundAVX2), blockedAVX512.rounding(roundAVX512)

var blockedAVX2 = blocked{
	lanes: 8, mr: 6, nrVectors: 2,
	byRows: [9][4]microKernel{
		1: {1: gemmRows1x1AVX2, 2: gemmRows1x2AVX2},
		2: {1: gemmRows2x1AVX2, 2: gemmRows2x2AVX2},
		3: {1: gemmRows3x1AVX2, 2: gemmRows3x2AVX2},
		4: {1: gemmRows4x1AVX2, 2: gemmRows4x2AVX2},
		5: {1: gemmRows5x1AVX2, 2: gemmRows5x2AVX2},
		6: {1: gemmRows6x1AVX2, 2: gemmRows6x2AVX2},
	},
	byColumns:   [4]microKernel{1: gemmCols6x1AVX2, 2: gemmCols6x2AVX2},
	strips:      [4]stripsKernel{1: gemmStrips6x1AVX2, 2: gemmStrips6x2AVX2},
	copying:     [4]microKernel{1: gemmCopy6x1AVX2, 2: gemmCopy6x2AVX2},
	panelAhead:  [4]microKernel{1: gemmPanel6x1AVX2, 2: gemmPanel6x2AVX2},
	transpose:   transposeAVX2,
	copyRows:    [4]func(int, *float32, int, *float32){1: copyRows1xAVX2, 2: copyRows2xAVX2},
	copyBlocks8: copyBlocks8AVX2,
}

var blockedAVX512 = blocked{
	lanes: 16, mr: 8, nrVectors: 3,
	byRows: [9][4]microKernel{
		1: {1: gemmRows1x1AVX512, 2: gemmRows1x2AVX512, 3: gemmRows1x3AVX512},
		2: {1: gemmRows2x1AVX512, 2: gemmRows2x2AVX512, 3: gemmRows2x3AVX512},
		3: {1: gemmRows3x1AVX512, 2: gemmRows3x2AVX512, 3: gemmRows3x3AVX512},
		4: {1: gemmRows4x1AVX512, 2: gemmRows4x2AVX512, 3: gemmRows4x3AVX512},
		5: {1: gemmRows5x1AVX512, 2: gemmRows5x2AVX512, 3: gemmRows5x3AVX512},
		6: {1: gemmRows6x1AVX512, 2: gemmRows6x2AVX512, 3: gemmRows6x3AVX512},
		7: {1: gemmRows7x1AVX512, 2: gemmRows7x2AVX512, 3: gemmRows7x3AVX512},
		8: {1: gemmRows8x1AVX512, 2: gemmRows8x2AVX512, 3: gemmRows8x3AVX512},
	},
	byColumns:   [4]microKernel{1: gemmCols8x1AVX512, 2: gemmCols8x2AVX512, 3: gemmCols8x3AVX512},
	strips:      [4]stripsKernel{1: gemmStrips8x1AVX512, 2: gemmStrips8x2AVX512, 3: gemmStrips8x3AVX512},
	copying:     [4]microKernel{1: gemmCopy8x1AVX512, 2: gemmCopy8x2AVX512, 3: gemmCopy8x3AVX512},
	panelAhead:  [4]microKernel{1: gemmPanel8x1AVX512, 2: gemmPanel8x2AVX512, 3: gemmPanel8x3AVX512},
	transpose:   transposeAVX512,
	copyRows:    [4]func(int, *float32, int, *float32){1: copyRows1xAVX512, 2: copyRows2xAVX512, 3: copyRows3xAVX512},
	copyBlocks8: copyBlocks8AVX512,
}

var pairsAVX512 = pairs{
	toWords:   toWordsAVX512,
	transpose: transposeBF16AVX512,
	pairRows:  [4]func(int, *float32, int, *float32){1: pairRows1xAVX512, 2: pairRows2xAVX512, 3: pairRows3xAVX512},
	byColumns: [4]microKernel{1: bf16Cols8x1AVX512, 2: bf16Cols8x2AVX512, 3: bf16Cols8x3AVX512},
	byRows: [9][4]microKernel{
		1: {1: bf16Rows1x1AVX512, 2: bf16Rows1x2AVX512, 3: bf16Rows1x3AVX512},
		2: {1: bf16Rows2x1AVX512, 2: bf16Rows2x2AVX512, 3: bf16Rows2x3AVX512},
		3: {1: bf16Rows3x1AVX512, 2: bf16Rows3x2AVX512, 3: bf16Rows3x3AVX512},
		4: {1: bf16Rows4x1AVX512, 2: bf16Rows4x2AVX512, 3: bf16Rows4x3AVX512},
		5: {1: bf16Rows5x1AVX512, 2: bf16Rows5x2AVX512, 3: bf16Rows5x3AVX512},
		6: {1: bf16Rows6x1AVX512, 2: bf16Rows6x2AVX512, 3: bf16Rows6x3AVX512},
		7: {1: bf16Rows7x1AVX512, 2: bf16Rows7x2AVX512, 3: bf16Rows7x3AVX512},
		8: {1: bf16Rows8x1AVX512, 2: bf16Rows8x2AVX512, 3: bf16Rows8x3AVX512},
	},
}

var skinnyAVX2 = skinnyASM{
	kernelsF32: [][2]skinnyKernel[float32, float32]{
		1: {skinnyF32R1x1AVX2, skinnyF32R1x4AVX2},
		2: {skinnyF32R2x1AVX2, skinnyF32R2x4AVX2},
	},
	kernelsBF16: [][2]skinnyKernel[float32, uint16]{
		1: {skinnyBF16R1x1AVX2, skinnyBF16R1x4AVX2},
		2: {skinnyBF16R2x1AVX2, skinnyBF16R2x4AVX2},
	},
	kernelsInt8: [][2]skinnyKernel[int16, int8]{
		1: {skinnyInt8R1x1AVX2, skinnyInt8R1x4AVX2},
		2: {skinnyInt8R2x1AVX2, skinnyInt8R2x4AVX2},
	},
	widenBF16: widenBF16AVX2, widenInt8: widenInt8AVX2, largest: maxAbsAVX2, toInt16: quantizeAVX2, rescale: dequantizeAVX2,
}

var skinnyAVX512 = skinnyASM{
	kernelsF32: [][2]skinnyKernel[float32, float32]{
		1: {skinnyF32R1x1AVX512, skinnyF32R1x4AVX512},
		2: {skinnyF32R2x1AVX512, skinnyF32R2x4AVX512},
		3: {skinnyF32R3x1AVX512, skinnyF32R3x4AVX512},
		4: {skinnyF32R4x1AVX512, skinnyF32R4x4AVX512},
		5: {skinnyF32R5x1AVX512, skinnyF32R5x4AVX512},
		6: {skinnyF32R6x1AVX512, skinnyF32R6x4AVX512},
	},
	kernelsBF16: [][2]skinnyKernel[float32, uint16]{
		1: {skinnyBF16R1x1AVX512, skinnyBF16R1x4AVX512},
		2: {skinnyBF16R2x1AVX512, skinnyBF16R2x4AVX512},
		3: {skinnyBF16R3x1AVX512, skinnyBF16R3x4AVX512},
		4: {skinnyBF16R4x1AVX512, skinnyBF16R4x4AVX512},
		5: {skinnyBF16R5x1AVX512, skinnyBF16R5x4AVX512},
		6: {skinnyBF16R6x1AVX512, skinnyBF16R6x4AVX512},
	},
	kernelsInt8: [][2]skinnyKernel[int16, int8]{
		1: {skinnyInt8R1x1AVX512, skinnyInt8R1x4AVX512},
		2: {skinnyInt8R2x1AVX512, skinnyInt8R2x4AVX512},
		3: {skinnyInt8R3x1AVX512, skinnyInt8R3x4AVX512},
		4: {skinnyInt8R4x1AVX512, skinnyInt8R4x4AVX512},
		5: {skinnyInt8R5x1AVX512, skinnyInt8R5x4AVX512},
		6: {skinnyInt8R6x1AVX512, skinnyInt8R6x4AVX512},
	},
	widenBF16: widenBF16AVX512, widenInt8: widenInt8AVX512, largest: maxAbsAVX512, toInt16: quantizeAVX512, rescale: dequantizeAVX512,
}
