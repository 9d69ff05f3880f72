// Package model is the architectures: what each is made of, how it turns ids
// into a loss or into the next id, and how it lies on disk.
//
// In flow ids ([Batch]), out flow losses, log-probabilities and ids:
//
//	Arch ──Build──▶ LanguageModel ──Loss───▶ a number to call Backward on
//	                     │   │ └────Hidden─▶ states for a classification head
//	     Save ▼          │   └────Decoder──▶ Generate, Beam: ids, one after the other
//	     Open ▲          └────────Score────▶ log-probabilities
//	config.json, model.safetensors          as Hugging Face's transformers writes and reads them
//
// Each architecture is one file that reads as its paper, with the shapes on
// the line: B sequences of T ids are N = B·T rows, C is the width, V the
// vocabulary, H heads of D features. archs is the table of them.
package model
