// Package tokenize turns text into ids and back: it learns byte-level BPE from
// documents, and encodes with that or with the tokenizers of others.
//
//	text ─ added tokens ─ normalizer ─ pattern ─ model ─ template ─ ids
//	         added.go      norm*.go    split*.go  bpe.go  template.go
//	                                   pre*.go    model*.go
//
// Byte-level BPE on bare text, which nearly all vocabularies of today are, takes
// a short way (encode.go): scanners written by hand cut the text, and the ids of
// a word come out of a cache (wordcache.go). All else goes the general way.
//
// Learning is two phases: count the distinct pieces (counts.go), one task a
// shard, and merge pairs (trainer.go). The merges are those of Hugging Face's
// BpeTrainer, ties included, unless words had to be forgotten to save memory,
// which is reported.
//
//	documents ─ count ─ words.bin, one a shard ─ learn ─ tokenizer.json, vocab.json, merges.txt,
//	                                                     tokenizer_config.json, special_tokens_map.json
//
// # What was tried for speed, and what it gave
//
// In CPU time of one thread, on English and Spanish books. What stayed:
//
//   - in a prototype: letters eight bytes at a time and classes of characters by
//     two small tables (a tenth of a general engine's time); a table that never
//     forgets words instead of a small one that evicts (a third faster in the
//     first pass, twice as fast later); the cut of short ASCII words inside
//     the encoder's loop;
//   - punctuation before a space and line ends before a word without a look into
//     the cache, long and accented words without a second scan: a tenth;
//   - words sorted before merging: 0.40 s with the sort, 0.42 s without, for
//     184,000 words and 30,000 tokens.
//
// What did not pay, and is not here: ranks of byte pairs by direct index, and
// short tokens in a table of their own (no difference: the time of the first
// pass goes into cache misses); words in the order of their counts before
// merging.
package tokenize
