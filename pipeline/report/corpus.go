package report

import (
	"cmp"
	"html/template"
	"maps"
	"math"
	"path"
	"slices"

	"fragua/pipeline"
	"fragua/pipeline/shard"
)

const (
	corpusRows  = 200_000 // documents of a stage that are looked at
	corpusShown = 10      // values of a column
)

// A corpusView is the data card of a stage that makes documents: how many, from
// where, in which languages, under which licences, how long.
type corpusView struct {
	Stage   string
	Rows    int64 // of the stage
	Looked  int64 // of these, looked at: fewer only for a big corpus
	Words   int64 // of those looked at
	Columns []corpusColumn
	Lengths template.HTML
	Files   []shard.File
}

// A corpusColumn counts the documents of each value.
type corpusColumn struct {
	Name   string
	Values []corpusValue
}

type corpusValue struct {
	Value string
	N     int64
	Words int64
	Share float64 // of the documents looked at
}

// corpusOf looks at the documents of a stage; nil for a stage that makes others.
func corpusOf(dir pipeline.Dir) (*corpusView, error) {
	if dir.Manifest.Kind != pipeline.Documents {
		return nil, nil
	}
	names := []string{"split", "source", "language", "license"}
	counts := make([]map[string]corpusValue, len(names))
	for i := range counts {
		counts[i] = map[string]corpusValue{}
	}
	v := &corpusView{Stage: dir.Manifest.Stage, Files: dir.Manifest.Shards}
	var lengths []float64
	for _, s := range dir.Manifest.Shards {
		if ok, _ := path.Match("*.parquet", s.Name); !ok { // rejects lie in a folder of their own
			continue
		}
		v.Rows += s.Rows
		f, err := shard.OpenParquet(dir.File(s.Name))
		if err != nil {
			return nil, err
		}
		for row, err := range f.Records(0, len(f.RowGroups()), append([]string{"words"}, names...)) {
			if err != nil {
				f.Close()
				return nil, err
			}
			if v.Looked == corpusRows {
				break
			}
			v.Looked++
			words, _ := row["words"].(int64)
			v.Words += words
			lengths = append(lengths, float64(words))
			for i, n := range names {
				c := counts[i][text(row[n])]
				c.N, c.Words = c.N+1, c.Words+words
				counts[i][text(row[n])] = c
			}
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	for i, name := range names {
		if c := columnOf(name, counts[i], v.Looked); c != nil {
			v.Columns = append(v.Columns, *c)
		}
	}
	v.Lengths = histogram("words a document", lengths)
	return v, nil
}

// columnOf sorts a column's values by their documents; nil where no document has
// any.
func columnOf(name string, counts map[string]corpusValue, rows int64) *corpusColumn {
	if _, none := counts[""]; none && len(counts) == 1 {
		return nil
	}
	c := &corpusColumn{Name: name}
	rest := corpusValue{Value: "others"}
	for _, value := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b].N, counts[a].N), cmp.Compare(a, b))
	}) {
		one := counts[value]
		one.Value = cmp.Or(value, "not known")
		one.Share = float64(one.N) / math.Max(float64(rows), 1)
		if len(c.Values) < corpusShown {
			c.Values = append(c.Values, one)
			continue
		}
		rest.N, rest.Words, rest.Share = rest.N+one.N, rest.Words+one.Words, rest.Share+one.Share
	}
	if rest.N > 0 {
		c.Values = append(c.Values, rest)
	}
	return c
}

// lastOnly keeps the data card of the last stage that makes documents: the corpus
// that the stages after it read.
func lastOnly(all []corpusView) []corpusView { return all[max(0, len(all)-1):] }
