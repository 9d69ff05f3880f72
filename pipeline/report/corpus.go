package report

import (
	"cmp"
	"encoding/json"
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
	lengthTitle = "words a document"
	sureTitle   = "how sure the language is"
)

// A corpusView is the data card of a stage that makes documents: how many, from
// where, in which languages, under which licences, how long.
type corpusView struct {
	Stage   string
	Rows    int64 // of the stage
	Looked  int64 // of these, looked at: fewer only for a big corpus
	Words   int64 // of those looked at
	Columns []corpusColumn
	Files   []shard.File

	Histograms []template.HTML // of lengths and of how sure the languages are
	Signals    []template.HTML // of each signal that is not the same for all
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
	spread := map[string][]float64{}
	for _, s := range dir.Manifest.Shards {
		if ok, _ := path.Match("*.parquet", s.Name); !ok { // rejects lie in a folder of their own
			continue
		}
		v.Rows += s.Rows
		f, err := shard.OpenParquet(dir.File(s.Name))
		if err != nil {
			return nil, err
		}
		for row, err := range f.Records(0, len(f.RowGroups()), append([]string{"words", "language_score", "signals"}, names...)) {
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
			spread[lengthTitle] = append(spread[lengthTitle], float64(words))
			if score := numberIn(row["language_score"]); score > 0 { // 0: it was declared, not measured
				spread[sureTitle] = append(spread[sureTitle], score)
			}
			signals, _ := row["signals"].(map[string]any)
			for name, v := range signals {
				if x := numberIn(v); x >= 0 {
					spread[name] = append(spread[name], x)
				}
			}
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
	for _, title := range []string{lengthTitle, sureTitle} {
		if len(spread[title]) > 0 {
			v.Histograms = append(v.Histograms, histogram(title, spread[title]))
		}
		delete(spread, title)
	}
	for _, title := range slices.Sorted(maps.Keys(spread)) {
		if values := spread[title]; slices.Min(values) < slices.Max(values) {
			v.Signals = append(v.Signals, histogram(title, values))
		}
	}
	return v, nil
}

// numberIn is the number that a value holds; -1: none.
func numberIn(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case json.Number:
		if x, err := v.Float64(); err == nil {
			return x
		}
	}
	return -1
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
