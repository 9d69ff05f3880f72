// Package train fits any model that has a loss.
//
//	in:   a Model, a Source of batches, an Optimizer, a rate for every step
//	out:  changed weights, a report of every step, a checkpoint that survives a crash
//
// Three stages stand on it and beside it:
//
//	pretrain  blocks [+ model] → model: config.json, model.safetensors, tokenizer.json, MODEL_CARD.md, metrics.json
//	ngram     blocks → model: config.json, model.ngram, tokenizer.json, metrics.json
//	generate  model → predictions: samples-00000.parquet, metrics.json
//
// One step, top to bottom (Loop.Run):
//
//	gather   the step's micro-batches, and count the targets of all of them
//	forward  each micro-batch's loss, divided by that count
//	backward gradients add up in the slab
//	clip     the global norm, in one pass over the slab
//	update   the optimizer, or skip the step and say so if a number is not finite
//
// All gradients lie in one slab, one parameter after the other; moments lie in
// slabs of the same layout:
//
//	Grad   | wte ........ | wpe .. | h.0.ln_1.weight | h.0.attn.c_attn.weight .... | …
//	m      | the same offsets
//	v      | the same offsets
//
// Nothing that the loop does depends on the clock, on the number of workers or
// on how often it was interrupted: batches are a function of their number,
// random numbers of seed and step, and the checkpoint holds the rest (weights,
// moments, counters, history). A resumed run therefore ends in the same bytes.
//
// A language model learns from packed blocks. A row of context + 1 ids gives
// context inputs and, shifted by one, context targets. Two kinds of targets have
// no loss: padding, and the first id of every document, because what stands
// before it belongs to another text and must not be used to predict it.
package train
