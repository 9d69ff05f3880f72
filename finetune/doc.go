// Package finetune makes labelled examples, fits a pretrained model to them,
// and judges what it says.
//
//	raw tables, pairs ──label──▶ examples   {train,validation,test}-00000.parquet, rejects/, metrics.json
//	model + examples ──finetune──▶ model    config.json, model.safetensors, tokenizer.json, MODEL_CARD.md, metrics.json
//	model + examples ──evaluate──▶ predictions with metrics
//	model + documents ──predict──▶ predictions
//
// A row of examples is Example: id, text, target, labels, split. A row of
// predictions is Prediction: id, input, want, got, probs.
//
// A Goal is what fine-tuning is for: how examples become a batch, what is
// learned, how an answer is read off, and how a set of answers is judged.
// Every figure has a baseline beside it: the majority class and naive-Bayes
// bigrams for sentiment, the untouched source for translation. BLEU and chrF
// are sacrebleu's, to the last digit.
package finetune
