// Package tokenize turns text into ids and back: it learns byte-level BPE from
// documents, and encodes with that or with the tokenizers of others.
//
//	text ─ added tokens ─ normalizer ─ pattern ─ model ─ template ─ ids
//	         added.go      norm*.go    split*.go  bpe.go  template.go
//	                                   pre*.go    model*.go
//
// Byte-level BPE on bare text, which nearly all vocabularies of today are, takes
// a short way (encode.go): text is cut by bit masks of 64 bytes (masks.go, and the
// cuts functions beside the scanners that define them), and the ids of a word come
// out of a cache (wordcache.go) that many pieces look into at once (queue.go). All
// else goes the general way.
//
//	64 bytes ─ masks of classes ─ where pieces begin ─ keys, slots asked for ─ ids
//	           gen, asm_amd64.s   split_*.go           queue.go               wordcache.go
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
// In CPU time of one thread, on English and Spanish books. What stayed, in MB/s of
// later passes with the vocabulary of GPT-2 unless said:
//
//   - a table that never forgets words instead of a small one that evicts: twice
//     as fast in later passes;
//   - classes as masks of 64 bytes and cuts by arithmetic on them, instead of
//     scanners that ask byte by byte: 188 → 261, o200k 140 → 259. In plain Go
//     the masks are worth 188 → 203, o200k 140 → 160;
//   - the place of a word in the cache asked for before it is read, and both loops
//     over the queue in assembly, without bounds checks: 262 → 530. One loop in
//     plain Go, with all else the same: 270;
//   - four ids and one comparison for tag, length and count in a slot; words found
//     off their first slot are moved there; tables at most half full: part of this;
//   - rules that never apply dropped (prune.go), 8 bytes a rule: first pass with
//     cl100k 92 → 110, o200k 90 → 112;
//   - the next pair found by one minimum over rank and place, pairs of bytes by
//     direct index: first pass 5 %.
//
// Learning:
//
//   - words sorted before merging: 0.40 s with the sort, 0.42 s without, for
//     184,000 words and 30,000 tokens;
//   - in learning, on 20.6 MB of books (30,000 tokens) and 1.03 GB that the command
//     `bench corpus` made of others (65,536 tokens): neighbours of a merge summed up
//     by symbol, one look into the table of pairs for each instead of four for each
//     place; rare pairs not remembered; words and their counts in one slice:
//     0.43 → 0.36 s and 12.7 → 11.9 s. Blocks of 64 bytes cut at once, lines and
//     all, and counted through the encoder's queue: 0.26 and 7.7 s. One table a
//     worker for all its parts instead of one a part, parts of 1 MiB in memory
//     that is used again, bytes that are not UTF-8 looked for in the distinct words
//     and not in the text: 0.25 and 4.7 s, of which counting is 0.08 and 3.0 s.
//
// What did not pay, and is not here: the words that a queue lacks merged in step,
// sixteen at a time, each asking for its next pairs in advance (first pass 0 to
// 5 % slower: branches, not memory, are its time); short tokens in a table of
// their own before the cache; words in the order of their counts before merging.
package tokenize
