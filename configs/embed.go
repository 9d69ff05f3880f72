// Package configs holds the recipes that come with the program, and the sample text
// that the quickstart works on.
//
//	*.yaml    each opens with its command, what it needs and how long it takes
//	sample/   Spanish and English prose, pages, labelled sentences and pairs, all of it
//	          written for this project; grammar.yaml makes further, synthetic pairs
package configs

import (
	"embed"
	"io/fs"
)

//go:embed *.yaml
var recipes embed.FS

//go:embed sample
var sample embed.FS

// Recipes holds NAME.yaml for every recipe.
func Recipes() fs.FS { return recipes }

// Sample holds the sample text: books/, pages/, sentiment.csv, pairs.tsv, grammar.yaml.
func Sample() fs.FS {
	sub, err := fs.Sub(sample, "sample")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	return sub
}
