package inspect

import (
	"fmt"

	"fragua/tokenize/blocks"
)

// sampleIDs is how many ids of a sample row are shown.
const sampleIDs = 24

// openBlocks reads all rows of a file of blocks.
func openBlocks(path string, o Options, a *Artifact) error {
	f, err := blocks.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	perRow := f.Context() + 1
	a.Tables = append(a.Tables, Table{Title: "columns", Columns: []string{"name", "type"}, Rows: [][]any{
		{"ids", fmt.Sprintf("fixed_size_list<uint%d>[%d]", 8*f.IDBytes(), perRow)}, {"starts", "list<int32>"}, {"length", "int32"},
	}})
	var text, documents, greatest int64
	var row []int32
	for i := range f.Len() {
		ids, starts, length, err := f.Row(i, row)
		if err != nil {
			return err
		}
		row = ids[:0]
		text += int64(length)
		documents += int64(len(starts))
		for _, id := range ids {
			greatest = max(greatest, int64(uint32(id)))
		}
		if len(a.Samples) < o.Rows {
			a.Samples = append(a.Samples, Sample{Title: fmt.Sprintf("row %d", i), Fields: []Fact{
				{"length", int64(length)}, {"starts", fmt.Sprint(starts)}, {"ids", fmt.Sprint(ids[:min(perRow, sampleIDs)])},
			}})
		}
	}
	a.fact("rows", int64(f.Len()))
	a.fact("context", int64(f.Context()))
	a.fact("ids that are text", text)
	if f.Len() > 0 {
		a.fact("padding", fmt.Sprintf("%.2f %%", 100*(1-float64(text)/float64(f.Len()*perRow))))
	}
	a.fact("texts that begin", documents)
	a.fact("greatest id", greatest)
	return nil
}
