// Package finetune fits a pretrained model to labelled examples and measures
// what it answers.
//
//	model + examples ──finetune──▶ model    config.json, model.safetensors, tokenizer.json, MODEL_CARD.md, metrics.json
//	model + examples ──evaluate──▶ predictions with metrics
//	model + documents ──predict──▶ predictions
//
// Package examples makes the examples. A row of predictions is Prediction: id,
// input, want, got, probs.
//
// A Goal is what fine-tuning is for. It is a file and a line in the table in
// goal.go, and implements five small interfaces, each defined beside its user:
// Sequencer (an example as segments of tokens), Batcher (sequences as a batch),
// Header (what the model gets on top), Answerer (its answers), Judge (their
// score). Every headline figure has baselines beside it: the majority class and
// naive-Bayes bigrams for sentiment, the untouched source for translation.
package finetune
