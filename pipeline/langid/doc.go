// Package langid names the language of a text.
//
//	text ─ letters, in small ─▶ words ─ n-grams of 1 to 5 ─▶ buckets ─ sum of rows ─▶ a score for each language
//
// The script narrows the choice. The model is a bag of hashed character n-grams
// (Joulin et al. 2017, arXiv 1607.01759): each of its buckets has a row of 16
// values of 4 bits, and each language weighs the sum of a text's rows, divided by
// the square root of their number. cmd/trainlanguage makes model.bin and says of
// which data:
//
//	rows     Buckets × 8 bytes, two dimensions a byte
//	weights  languages × (1 + 16) little-endian float32: bias, then dimensions
package langid
