// Package sugar lets pipelines built with github.com/sugarme/tokenizer use
// fragua's core: a PreTokenizer that cuts where the pattern cuts, a Model that
// gives the ids that Hugging Face tokenizers and tiktoken give, and a Trainer
// whose merges are Hugging Face's.
//
//	t := tokenizer.NewTokenizer(sugar.NewModel(tok))
//	t.WithPreTokenizer(sugar.NewPreTokenizer(tok.Pattern()))
//	t.WithDecoder(sugar.NewDecoder(tok))
//
// Its own byte-level parts are for comparison only. Version 0.3.0 gives other
// ids for most texts, because its pattern knows no white space; its trainer
// learns other merges; special tokens in text vanish; invalid UTF-8 panics. The
// tests of this package hold these findings. So every call into it that could
// panic is made below a recover, and comes back as an error.
package sugar
