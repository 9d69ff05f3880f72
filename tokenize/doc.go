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
//
// Packing is two phases as well (pack.go): encode documents into rows of
// context+1 ids, one task a shard, and shuffle the rows as a sort by random keys
// (shuffle.go), one task a file. What comes out are Arrow files (blocks.go):
//
//	ids     fixed_size_list<uint16 or uint32>[context+1]   neighbours overlap by one id
//	starts  list<int32>                                    where a document begins in the row
//	length  int32                                          ids that are text; the rest is padding
package tokenize
