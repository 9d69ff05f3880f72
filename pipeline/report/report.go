package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fragua/pipeline"
	"fragua/pipeline/store"
)

// FileName is what the report is called in the run's directory.
const FileName = "report.html"

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"n": number, "i": grouped, "bytes": byteSize, "took": took, "value": value, "beside": beside, "heat": heat,
}).Parse(pageHTML))

// Create writes report.html into a run's directory and returns its path.
func Create(runDir string) (string, error) {
	run, err := pipeline.OpenRun(runDir)
	if err != nil {
		return "", err
	}
	name := filepath.Join(runDir, FileName)
	return name, store.WriteFile(name, func(w io.Writer) error { return Write(w, run) })
}

// Write writes the report of a run. Stages that are not finished are named as
// such.
func Write(w io.Writer, run *pipeline.RunDir) error {
	v, err := newView(run)
	if err != nil {
		return err
	}
	return page.Execute(w, v)
}

// A view is what the page shows.
type view struct {
	Info     pipeline.RunInfo
	Seconds  float64 // of all stages
	Funnel   []funnelRow
	Stages   []stageView
	Resolved string
}

type funnelRow struct {
	Stage         string
	Of            string // what is counted
	Counts        pipeline.Counts
	In            int64
	Drops         []drop
	Kept, Dropped float64 // share of the widest row, in percent
	Failed        float64
}

type drop struct {
	Rule string
	N    int64
}

type stageView struct {
	Info     pipeline.StageInfo
	Manifest *pipeline.Manifest // nil: not finished
	Metrics  pipeline.Metrics
	Charts   []template.HTML
	Files    int
	Bytes    int64
}

// Shown says whether the stage has a section of its own.
func (s stageView) Shown() bool {
	m := s.Metrics
	return len(m.Figures)+len(s.Charts)+len(m.Samples)+len(m.Translations) > 0 || m.Confusion != nil
}

func newView(run *pipeline.RunDir) (*view, error) {
	v := &view{Info: run.Info}
	resolved, err := os.ReadFile(filepath.Join(run.Path, pipeline.ResolvedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	v.Resolved = string(resolved)
	for _, info := range run.Info.Stages {
		v.Seconds += info.Seconds
		s := stageView{Info: info}
		dir, ok := run.Stage(info.Name)
		if ok {
			s.Manifest = dir.Manifest
			for _, f := range dir.Manifest.Shards {
				s.Files++
				s.Bytes += f.Bytes
			}
			if s.Metrics, err = pipeline.ReadMetrics(dir.Path); err != nil {
				return nil, err
			}
			s.Charts = charts(s.Metrics.Curves)
			v.Funnel = append(v.Funnel, funnelOf(dir.Manifest)...)
		}
		v.Stages = append(v.Stages, s)
	}
	widest := int64(1)
	for _, r := range v.Funnel {
		widest = max(widest, r.In)
	}
	for i := range v.Funnel {
		r := &v.Funnel[i]
		share := func(n int64) float64 { return 100 * float64(n) / float64(widest) }
		r.Kept, r.Failed = share(r.Counts.Kept), share(r.Counts.Failed)
		r.Dropped = share(r.In) - r.Kept - r.Failed
	}
	return v, nil
}

// funnelOf returns a stage's row of the funnel: where what it reads and keeps
// are documents or examples. Earlier phases of such a stage read the same rows.
func funnelOf(m *pipeline.Manifest) []funnelRow {
	c := m.Counts
	if c.Read+c.Split == 0 {
		return nil
	}
	r := funnelRow{Stage: m.Stage, Of: "documents", Counts: c, In: c.Read + c.Split}
	if m.Kind == pipeline.Examples || m.Kind == pipeline.Predictions {
		r.Of = "examples"
	}
	for _, rule := range slices.Sorted(maps.Keys(c.Dropped)) {
		r.Drops = append(r.Drops, drop{rule, c.Dropped[rule]})
	}
	slices.SortStableFunc(r.Drops, func(a, b drop) int { return int(b.N - a.N) })
	return []funnelRow{r}
}

// value prints a figure: shares as percentages.
func value(f pipeline.Figure) string {
	share := isShare(f)
	show := func(v float64) string {
		if share {
			return fmt.Sprintf("%.1f", 100*v)
		}
		return number(v)
	}
	s := show(f.Value)
	if f.PlusMinus != 0 {
		s += " ± " + show(f.PlusMinus)
	}
	if share {
		return s + " %"
	}
	return s
}

func isShare(f pipeline.Figure) bool {
	return f.Unit == "share" || len(f.Unit) > 5 && f.Unit[:6] == "share "
}

// beside says whether a figure is the baseline to the one before it.
func beside(all []pipeline.Figure, i int) bool {
	return i > 0 && all[i].Name == all[i-1].Name && all[i].Better != ""
}

// heat returns how strongly a cell of a confusion matrix is coloured: its share
// of its row, 0 to 100.
func heat(row []int64, j int) int64 {
	sum := int64(0)
	for _, n := range row {
		sum += n
	}
	return 100 * row[j] / max(sum, 1)
}

func byteSize(n int64) string {
	switch {
	case n < 10_000:
		return grouped(n) + " B"
	case n < 10_000_000:
		return grouped(n/1000) + " kB"
	}
	return grouped(n/1_000_000) + " MB"
}

func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Minute).String()
}
