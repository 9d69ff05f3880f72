package inspect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fragua/pipeline"
	"fragua/pipeline/store"
)

// openStage shows a stage's manifest, its figures, and what lies in it.
func openStage(path string, o Options, a *Artifact) error {
	m, err := pipeline.ReadManifest(path)
	if err != nil {
		return err
	}
	a.fact("stage", m.Stage)
	a.fact("use", m.Use)
	a.fact("makes", string(m.Kind))
	a.fact("key", m.Key)
	for _, in := range slices.Sorted(maps.Keys(m.Inputs)) {
		a.fact("from "+in, strings.Join(m.Inputs[in], ", "))
	}
	if t := funnel(m.Counts); len(t.Rows) > 0 {
		a.Tables = append(a.Tables, t)
	}
	if len(m.Counts.Sums) > 0 {
		t := Table{Title: "sums", Columns: []string{"of", "is"}}
		for _, k := range slices.Sorted(maps.Keys(m.Counts.Sums)) {
			t.Rows = append(t.Rows, []any{k, m.Counts.Sums[k]})
		}
		a.Tables = append(a.Tables, t)
	}
	files := Table{Title: "files", Columns: []string{"name", "rows", "bytes", "xxh3", "check"}}
	for _, s := range m.Shards {
		check := "as written"
		if store.IsRemote(path) {
			check = "not read" // it lies elsewhere, and would be fetched whole
		} else if err := pipeline.VerifyFile(path, s); err != nil {
			check = "differs from its manifest"
			if errors.Is(err, fs.ErrNotExist) {
				check = "missing"
			}
		}
		files.Rows = append(files.Rows, []any{s.Name, s.Rows, s.Bytes, s.XXH3, check})
	}
	a.Tables = append(a.Tables, files)
	metrics, err := pipeline.ReadMetrics(path)
	if err != nil {
		return err
	}
	showMetrics(metrics, a)
	if !store.Exists(store.Join(path, "model.safetensors")) {
		return nil
	}
	if path, err = store.FetchFolder(context.Background(), path); err != nil {
		return err
	}
	return openModel(path, o, a)
}

// funnel is the sum of the rows that were read.
func funnel(c pipeline.Counts) Table {
	t := Table{Title: "rows", Columns: []string{"what", "rows"}}
	add := func(what string, n int64) {
		if n != 0 {
			t.Rows = append(t.Rows, []any{what, n})
		}
	}
	add("read", c.Read)
	add("+ split off", c.Split)
	for _, rule := range slices.Sorted(maps.Keys(c.Dropped)) {
		add("- "+rule, c.Dropped[rule])
	}
	add("- failed", c.Failed)
	add("= kept", c.Kept)
	for _, l := range c.Lost {
		t.Rows = append(t.Rows, []any{"not read to its end: " + l.String(), ""})
	}
	return t
}

func openMetrics(path string, _ Options, a *Artifact) error {
	m, err := pipeline.ReadMetrics(filepath.Dir(path))
	if err != nil {
		return err
	}
	showMetrics(m, a)
	return nil
}

func showMetrics(m pipeline.Metrics, a *Artifact) {
	figures := Table{Title: "figures", Columns: []string{"name", "value", "±", "unit", "n", "note"}}
	for _, f := range m.Figures {
		row := []any{f.Name, f.Value, f.PlusMinus, f.Unit, f.N, f.Note}
		for i, v := range row[2:] {
			if v == 0.0 || v == int64(0) { // not known
				row[2+i] = ""
			}
		}
		figures.Rows = append(figures.Rows, row)
	}
	curves := Table{Title: "curves", Columns: []string{"name", "of", "points", "first", "last"}}
	for _, c := range m.Curves {
		if n := len(c.Points); n > 0 {
			curves.Rows = append(curves.Rows, []any{c.Name, c.Y, n, c.Points[0][1], c.Points[n-1][1]})
		}
	}
	for _, t := range []Table{figures, curves} {
		if len(t.Rows) > 0 {
			a.Tables = append(a.Tables, t)
		}
	}
	for _, s := range m.Samples {
		a.Samples = append(a.Samples, Sample{Title: s.Title, Fields: []Fact{{"text", s.Text}}})
	}
}

// openRun shows the table of a run's stages.
func openRun(path string, _ Options, a *Artifact) error {
	run, err := pipeline.OpenRun(path)
	if err != nil {
		return err
	}
	a.fact("name", run.Info.Name)
	a.fact("began", run.Info.Began.Format(time.RFC3339))
	a.fact("workers", run.Info.Workers)
	if run.Info.CPU != "" {
		a.fact("cpu", run.Info.CPU)
	}
	if run.Info.Error != "" {
		a.fact("error", run.Info.Error)
	}
	t := Table{Title: "stages", Columns: []string{"name", "use", "makes", "read", "kept", "files", "bytes", "seconds", "state"}}
	for _, s := range run.Info.Stages {
		dir, ok := run.Stage(s.Name)
		if !ok {
			t.Rows = append(t.Rows, []any{s.Name, s.Use, "", int64(0), int64(0), int64(0), int64(0), s.Seconds, "not finished " + s.Error})
			continue
		}
		m, size := dir.Manifest, int64(0)
		for _, f := range m.Shards {
			size += f.Bytes
		}
		t.Rows = append(t.Rows, []any{s.Name, s.Use, string(m.Kind), m.Counts.Read + m.Counts.Split, m.Counts.Kept, int64(len(m.Shards)), size, s.Seconds, fmt.Sprintf("done, key %.12s", m.Key)})
	}
	a.Tables = append(a.Tables, t)
	return nil
}
