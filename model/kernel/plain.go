package kernel

import "fragua/model/kernel/gemm"

// plain is Go alone: what the other levels are held to, and what runs where there is no assembly.
var plain = kernelTable{
	gemm: &gemm.Plain,

	add: addPlain, addTo: addToPlain, mul: mulPlain, scale: scalePlain, axpy: axpyPlain,
	sum: sumPlain, squares: squaresPlain, dot: dotPlain,

	gelu: geluPlain, tanh: tanhPlain, sigmoid: sigmoidPlain,
	geluGrad: geluGradPlain, tanhGrad: tanhGradPlain, sigmoidGrad: sigmoidGradPlain,
	swiglu: swigluPlain, swigluGrad: swigluGradPlain, geluSlope: geluSlopePlain, swigluSlopes: swigluSlopesPlain,

	layerNorm: layerNormPlain, layerNormGrad: layerNormGradPlain,
	rmsNorm: rmsNormPlain, rmsNormGrad: rmsNormGradPlain,

	rowMax: rowMaxPlain, rowDot: rowDotPlain, expSum: expSumPlain, sumExp: sumExpPlain,
	scoresMax: scoresMaxPlain, scoresExp: scoresExpPlain, scoresGrad: scoresGradPlain, scoresScale: scoresScalePlain,
	log:      logPlain,
	lstmCell: lstmCellPlain, lstmCellGrad: lstmCellGradPlain,
	rotate: rotatePlain, adamw: adamwPlain, dropout: dropoutPlain,
}
