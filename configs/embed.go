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

// Sample holds the sample text: books/, pages/, sentiment.csv, sentiment-test.csv, pairs.tsv, everyday.tsv, grammar.yaml, phrases.yaml, triplets.tsv.
func Sample() fs.FS {
	sub, err := fs.Sub(sample, "sample")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	return sub
}
