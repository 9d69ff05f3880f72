package main

import (
	"fragua/finetune"
	"fragua/finetune/examples"
	"fragua/model/embed"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/corpus"
	"fragua/tokenize"
	"fragua/tokenize/blocks"
)

// stages is THE table of stages: what `use` may name, and the constructor that sets the
// defaults. To add a stage, write its file and add a line.
var stages = pipeline.Table{
	"ingest":     func() pipeline.Stage { return corpus.NewIngest() },      // raw files → documents
	"dedup":      func() pipeline.Stage { return corpus.NewDedup() },       // documents → documents, each once
	"filter":     func() pipeline.Stage { return corpus.NewFilter() },      // documents → documents, by steps
	"mix":        func() pipeline.Stage { return corpus.NewMix() },         // documents → documents, weighed and split
	"tokenizer":  func() pipeline.Stage { return tokenize.NewLearn() },     // documents → tokenizer
	"pack":       func() pipeline.Stage { return blocks.NewPack() },        // documents, tokenizer → blocks
	"ngram":      func() pipeline.Stage { return train.NewNgram() },        // blocks → model
	"mixture":    func() pipeline.Stage { return train.NewMixture() },      // blocks, network, n-grams → model
	"embeddings": func() pipeline.Stage { return embed.NewEmbeddings() },   // documents → vectors of words
	"pretrain":   func() pipeline.Stage { return train.NewPretrain() },     // blocks → model
	"label":      func() pipeline.Stage { return examples.NewLabel() },     // tables, pairs → examples
	"finetune":   func() pipeline.Stage { return finetune.NewFinetune() },  // model, examples → model
	"evaluate":   func() pipeline.Stage { return finetune.NewEvaluate() },  // model, examples → predictions and figures
	"predict":    func() pipeline.Stage { return finetune.NewPredict() },   // model, documents → predictions
	"translate":  func() pipeline.Stage { return finetune.NewTranslate() }, // translator, examples or documents → examples
	"generate":   func() pipeline.Stage { return train.NewGenerate() },     // model → samples
}
