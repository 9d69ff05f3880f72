package main

import (
	"strings"
	"testing"

	"fragua/cmd/fragua/guide"
	"fragua/pipeline/cluster"
	"fragua/pipeline/corpus"
)

// TestCost: the guides show what the command tells of 1 TB and of 100 TB.
func TestCost(t *testing.T) {
	for _, raw := range []int64{1e12, 1e14} {
		var b strings.Builder
		cost(&b, cluster.Default(), raw, corpus.NewIngest().PartBytes, []string{"ingest", "dedup", "mix", "tokenizer", "pack"})
		for _, language := range guide.Languages {
			g, err := guide.Find("cluster", language)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(g.Text, b.String()) {
				t.Errorf("the guide in %s does not hold\n%s", language, b.String())
			}
		}
	}
}
