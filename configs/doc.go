// Package configs holds the recipes that come with the program, and the sample text
// that the quickstart works on.
//
//	*.yaml    each opens with its command, what it needs and how long it takes
//	sample/   Spanish and English prose, pages, labelled sentences and pairs, all of it
//	          written for this project; grammar.yaml and phrases.yaml make further, synthetic pairs
package configs
