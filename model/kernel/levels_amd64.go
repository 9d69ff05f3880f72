//go:build amd64 && !purego

package kernel

import "fragua/model/kernel/gemm"

// withVectors completes the table of a level: its vectors are as wide as those of its GEMM.
func withVectors(g *gemm.Kernels) kernelTable {
	t := plain
	t.gemm = g
	switch g.Lanes {
	case 8:
		vectorAVX2.fill(&t)
	case 16:
		vectorAVX512.fill(&t)
	}
	return t
}

var vectorAVX2 = vectorASM{
	add: addAVX2, mul: mulAVX2, scale: scaleAVX2, axpy: axpyAVX2, sum: sumAVX2, dot: dotAVX2, gelu: geluAVX2,
	tanh: tanhAVX2, sigmoid: sigmoidAVX2, geluGrad: geluGradAVX2, tanhGrad: tanhGradAVX2,
	sigmoidGrad: sigmoidGradAVX2, swiglu: swigluAVX2, swigluGrad: swigluGradAVX2, geluSlope: geluSlopeAVX2,
	swigluSlopes: swigluSlopesAVX2, rowMax: rowMaxAVX2, rowSum: rowSumAVX2, rowDot: rowDotAVX2,
	rowSpread: rowSpreadAVX2, normalize: normalizeAVX2, normGradSums: normGradSumsAVX2, normGrad: normGradAVX2,
	rmsScale: rmsScaleAVX2, rmsGradSums: rmsGradSumsAVX2, expSum: expSumAVX2, sumExp: sumExpAVX2,
	scoresMax: scoresMaxAVX2, scoresExp: scoresExpAVX2, scoresGrad: scoresGradAVX2,
	scoresScale: scoresScaleAVX2, log: logAVX2, rotate: rotateAVX2, adamw: adamwAVX2,
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
	scoresScale: scoresScaleAVX512, log: logAVX512, rotate: rotateAVX512,
	adamw: adamwAVX512, dropout: dropoutAVX512, lstmCell: lstmCellAVX512, lstmCellGrad: lstmCellGradAVX512,
}
