//go:build amd64 && !purego

package kernel

import (
	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

// levels are those that this CPU can run, the fastest last.
var levels = func() []*bodies {
	x := cpu.X86
	avx2 := x.HasAVX2 && x.HasFMA && x.HasBMI2
	avx512 := avx2 && x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512DQ
	return inOrder(avx2, avx512, avx512 && x.HasAVX512BF16, cpuid.CPU.VendorID == cpuid.Intel)
}()

// inOrder puts avx512bf16 behind avx512, but for Intel's CPUs. AMD's since Zen 4 do twice as
// many operations with VDPBF16PS as with FMA (Zen 5: 990 beside 494 GFLOP/s on two cores).
// Intel's, made for AMX, do half as many (Emerald Rapids: one in two cycles, 173 beside 355
// GFLOP/s), so that to round and to multiply in float32 is faster: 1.4 times in training.
func inOrder(avx2, avx512, bf16, intel bool) []*bodies {
	l := []*bodies{&plain}
	if avx2 {
		l = append(l, &withAVX2)
	}
	if bf16 && intel {
		l = append(l, &withBF16)
	}
	if avx512 {
		l = append(l, &withAVX512)
	}
	if bf16 && !intel {
		l = append(l, &withBF16)
	}
	return l
}

// The levels take what they have no assembly for from the one below.
var withAVX2 = func() bodies {
	b := plain
	b.name = "avx2"
	b.gemm, b.packT, b.strip = gemmAVX2.gemm, gemmAVX2.packT, 12
	b.gemmBF16 = roundingAVX2.gemm
	b.packed, b.packedBF16, b.mulPacked, b.mulTile = &gemmAVX2, &roundingAVX2, gemmAVX2.mulPacked, gemmAVX2.mulTile
	b.peak, b.lanes = peakAVX2, 8
	vectorAVX2.fill(&b)
	fewAVX2.fill(&b)
	return b
}()

var withAVX512 = func() bodies {
	b := withAVX2
	b.name = "avx512"
	b.gemm, b.packT, b.strip = gemmAVX512.gemm, gemmAVX512.packT, 16
	b.gemmBF16 = roundingAVX512.gemm
	b.packed, b.packedBF16, b.mulPacked, b.mulTile = &gemmAVX512, &roundingAVX512, gemmAVX512.mulPacked, gemmAVX512.mulTile
	b.peak, b.lanes = peakAVX512, 16
	vectorAVX512.fill(&b)
	few := fewAVX512
	if !cpu.X86.HasAVX512VNNI { // before Cascade Lake: whole numbers make the same sums anywhere
		few.bytes = fewAVX2.bytes
	}
	few.fill(&b)
	return b
}()

var withBF16 = func() bodies {
	b := withAVX512
	b.name = "avx512bf16"
	b.gemmBF16, b.packedBF16, b.peakBF16 = splitDepth(pairsAVX512.gemm), nil, peakBF16AVX512
	return b
}()

var gemmAVX2 = packedGemm{
	lanes: 8, rows: 6, widest: 2,
	byRows: [9][4]gemmKernel{
		1: {1: gemmR1x1AVX2, 2: gemmR1x2AVX2},
		2: {1: gemmR2x1AVX2, 2: gemmR2x2AVX2},
		3: {1: gemmR3x1AVX2, 2: gemmR3x2AVX2},
		4: {1: gemmR4x1AVX2, 2: gemmR4x2AVX2},
		5: {1: gemmR5x1AVX2, 2: gemmR5x2AVX2},
		6: {1: gemmR6x1AVX2, 2: gemmR6x2AVX2},
	},
	byColumns:  [4]gemmKernel{1: gemmT6x1AVX2, 2: gemmT6x2AVX2},
	strips:     [4]stripsKernel{1: gemmS6x1AVX2, 2: gemmS6x2AVX2},
	copying:    [4]gemmKernel{1: gemmC6x1AVX2, 2: gemmC6x2AVX2},
	ahead:      [4]gemmKernel{1: gemmP6x1AVX2, 2: gemmP6x2AVX2},
	transpose:  transposeAVX2,
	copyRows:   [4]func(int, *float32, int, *float32){1: copyRows1xAVX2, 2: copyRows2xAVX2},
	copyOctets: copyOctetsAVX2,
}

var gemmAVX512 = packedGemm{
	lanes: 16, rows: 8, widest: 3,
	byRows: [9][4]gemmKernel{
		1: {1: gemmR1x1AVX512, 2: gemmR1x2AVX512, 3: gemmR1x3AVX512},
		2: {1: gemmR2x1AVX512, 2: gemmR2x2AVX512, 3: gemmR2x3AVX512},
		3: {1: gemmR3x1AVX512, 2: gemmR3x2AVX512, 3: gemmR3x3AVX512},
		4: {1: gemmR4x1AVX512, 2: gemmR4x2AVX512, 3: gemmR4x3AVX512},
		5: {1: gemmR5x1AVX512, 2: gemmR5x2AVX512, 3: gemmR5x3AVX512},
		6: {1: gemmR6x1AVX512, 2: gemmR6x2AVX512, 3: gemmR6x3AVX512},
		7: {1: gemmR7x1AVX512, 2: gemmR7x2AVX512, 3: gemmR7x3AVX512},
		8: {1: gemmR8x1AVX512, 2: gemmR8x2AVX512, 3: gemmR8x3AVX512},
	},
	byColumns:  [4]gemmKernel{1: gemmT8x1AVX512, 2: gemmT8x2AVX512, 3: gemmT8x3AVX512},
	strips:     [4]stripsKernel{1: gemmS8x1AVX512, 2: gemmS8x2AVX512, 3: gemmS8x3AVX512},
	copying:    [4]gemmKernel{1: gemmC8x1AVX512, 2: gemmC8x2AVX512, 3: gemmC8x3AVX512},
	ahead:      [4]gemmKernel{1: gemmP8x1AVX512, 2: gemmP8x2AVX512, 3: gemmP8x3AVX512},
	transpose:  transposeAVX512,
	copyRows:   [4]func(int, *float32, int, *float32){1: copyRows1xAVX512, 2: copyRows2xAVX512, 3: copyRows3xAVX512},
	copyOctets: copyOctetsAVX512,
}

// roundingAVX2 and roundingAVX512 multiply bfloat16.
var roundingAVX2, roundingAVX512 = gemmAVX2.rounding(roundAVX2), gemmAVX512.rounding(roundAVX512)

var vectorAVX2 = vectorASM{
	add: addAVX2, mul: mulAVX2, scale: scaleAVX2, axpy: axpyAVX2, sum: sumAVX2, dot: dotAVX2, gelu: geluAVX2,
	tanh: tanhAVX2, sigmoid: sigmoidAVX2, geluGrad: geluGradAVX2, tanhGrad: tanhGradAVX2,
	sigmoidGrad: sigmoidGradAVX2, swiglu: swigluAVX2, swigluGrad: swigluGradAVX2, geluSlope: geluSlopeAVX2,
	swigluSlopes: swigluSlopesAVX2, rowMax: rowMaxAVX2, rowSum: rowSumAVX2, rowDot: rowDotAVX2,
	rowSpread: rowSpreadAVX2, normalize: normalizeAVX2, normGradSums: normGradSumsAVX2, normGrad: normGradAVX2,
	rmsScale: rmsScaleAVX2, rmsGradSums: rmsGradSumsAVX2, expSum: expSumAVX2, sumExp: sumExpAVX2,
	scoresMax: scoresMaxAVX2, scoresExp: scoresExpAVX2, scoresGrad: scoresGradAVX2,
	scoresScale: scoresScaleAVX2, log: logAVX2, round: roundAVX2, rotate: rotateAVX2, adamw: adamwAVX2,
	dropout: dropoutAVX2, lstmCell: lstmCellAVX2, lstmCellGrad: lstmCellGradAVX2,
}

var vectorAVX512 = vectorASM{
	add: addAVX512, mul: mulAVX512, scale: scaleAVX512, axpy: axpyAVX512, sum: sumAVX512, dot: dotAVX512,
	gelu: geluAVX512, tanh: tanhAVX512, sigmoid: sigmoidAVX512, geluGrad: geluGradAVX512,
	tanhGrad: tanhGradAVX512, sigmoidGrad: sigmoidGradAVX512, swiglu: swigluAVX512,
	swigluGrad: swigluGradAVX512, geluSlope: geluSlopeAVX512, swigluSlopes: swigluSlopesAVX512,
	rowMax: rowMaxAVX512, rowSum: rowSumAVX512, rowDot: rowDotAVX512, rowSpread: rowSpreadAVX512,
	normalize: normalizeAVX512, normGradSums: normGradSumsAVX512, normGrad: normGradAVX512,
	rmsScale: rmsScaleAVX512, rmsGradSums: rmsGradSumsAVX512, expSum: expSumAVX512, sumExp: sumExpAVX512,
	scoresMax: scoresMaxAVX512, scoresExp: scoresExpAVX512, scoresGrad: scoresGradAVX512,
	scoresScale: scoresScaleAVX512, log: logAVX512, round: roundAVX512, rotate: rotateAVX512,
	adamw: adamwAVX512, dropout: dropoutAVX512, lstmCell: lstmCellAVX512, lstmCellGrad: lstmCellGradAVX512,
}
