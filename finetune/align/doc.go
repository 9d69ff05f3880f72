// Package align learns which words of one language translate which of another: IBM model 1 (Brown
// et al. 1993, section 4.1). Pairs of ids go in, a table of probabilities comes out:
//
//	Fit       pairs of id lists → p(target | source), by expectation maximisation from equal ones
//	Table.Of  a source id → its targets and their probabilities
package align
