// Package embed makes vectors of words from the words beside them, without a neural network:
//
//	documents ──count──▶ vocabulary ──pairs──▶ how often two words stand near each other
//	          ──▶ positive pointwise mutual information ──▶ its singular vectors, a row a word
//
// (Levy, Goldberg and Dagan 2015, section 2). Words that are used alike get vectors of like
// direction. All counts are whole numbers and all sums have a fixed order, so the vectors do not
// depend on the number of workers.
//
// The stage leaves vectors.parquet (word, count, vector) and metrics.json.
package embed
