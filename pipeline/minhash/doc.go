// Package minhash finds similar texts: text → words → shingles → signature → band keys, whose equality makes
// two texts candidates, and the true similarity of two sets of shingles.
//
//	text        "The mill was green. The mill is gone."
//	words       the mill was green the mill is gone        folded: lower case, no accents, no punctuation
//	shingles    the-mill-was-green-the  mill-was-green-the-mill  …      a 64-bit hash of every 5 words
//	signature   112 numbers of 32 bits: the least value of each hash function over all shingles
//	band keys   14 hashes of 128 bits, each of 8 numbers
//
// Two texts whose shingles have Jaccard similarity s share a key with probability 1 − (1 − s⁸)¹⁴: .05 at s = .5,
// .57 at .7, .92 at .8, .9995 at .9 (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4).
//
// What meets is sorted on disk by a Sorter, whose memory has a bound; groups are joined by a Union.
// The same text gives the same numbers on every machine: integers alone are used.
package minhash
