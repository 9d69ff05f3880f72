// Package tokenize turns text into ids and back: it learns byte-level BPE from
// documents, and encodes with that or with tokenizers of others.
//
//	text ─ added tokens ─ normalizer ─ pattern ─ model ─ template ─ ids
//	         added.go      norm.go     split*.go  bpe.go  template.go
//
// Byte-level BPE on bare text, which is what nearly all vocabularies of today
// are, takes a short way (encode.go): scanners written by hand cut the text, and
// the ids of a word come out of a cache. All else goes the general way.
//
// Learning is two phases: count the distinct pieces (counts.go), one task a
// shard, and merge pairs (trainer.go), with the same result as Hugging Face's
// BpeTrainer, ties included.
package tokenize
