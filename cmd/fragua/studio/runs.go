package studio

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/report"
)

// A runLine is a run on the first page.
type runLine struct {
	Path, Name, Began, Error string
	Done, Stages             int
	Figures                  []figure
}

type figure struct {
	Stage string
	pipeline.Figure
}

func (s *Studio) home(w http.ResponseWriter, r *http.Request) error {
	paths, err := s.runs()
	if err != nil {
		return err
	}
	var lines []runLine
	for _, p := range paths {
		run, err := pipeline.OpenRun(p)
		if err != nil {
			lines = append(lines, runLine{Path: p, Name: filepath.Base(p), Error: err.Error()})
			continue
		}
		l := runLine{Path: p, Name: run.Info.Name, Began: run.Info.Began.Format("2006-01-02 15:04"), Error: run.Info.Error, Done: len(run.Stages), Stages: len(run.Info.Stages)}
		if l.Figures, err = headlines(run); err != nil {
			l.Error = err.Error()
		}
		lines = append(lines, l)
	}
	return s.page(w, "home.html", map[string]any{"Title": "studio", "Runs": lines, "Recipes": s.recipeNames(), "Jobs": s.jobs.list()})
}

// headlines are the figures by which a run's stages are judged, without baselines.
func headlines(run *pipeline.RunDir) (out []figure, err error) {
	for _, dir := range run.Stages {
		m, err := pipeline.ReadMetrics(dir.Path)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, f := range m.Figures {
			if f.Headline && !seen[f.Name] {
				out = append(out, figure{dir.Manifest.Stage, f})
				seen[f.Name] = true
			}
		}
	}
	return out, nil
}

// A stageLine is a stage of a run with what one can do with it.
type stageLine struct {
	pipeline.StageInfo
	Finished             bool
	Kind                 pipeline.Kind
	Rows, Rejects, Bytes int64
	Blocks, Model        bool
}

func (s *Studio) run(w http.ResponseWriter, r *http.Request) error {
	run, err := s.open(r)
	if err != nil {
		return err
	}
	var lines []stageLine
	for _, info := range run.Info.Stages {
		l := stageLine{StageInfo: info}
		if dir, ok := run.Stage(info.Name); ok {
			l.Finished, l.Kind = true, dir.Manifest.Kind
			l.Model = l.Kind == pipeline.Model
			for _, f := range dir.Manifest.Shards {
				l.Bytes += f.Bytes
				switch {
				case strings.HasSuffix(f.Name, ".arrow"):
					l.Blocks = true
				case matches("rejects/*.parquet", f.Name):
					l.Rejects += f.Rows
				case matches("*.parquet", f.Name):
					l.Rows += f.Rows
				}
			}
		}
		lines = append(lines, l)
	}
	return s.page(w, "run.html", map[string]any{"Title": run.Info.Name, "Run": run, "Path": run.Path, "Stages": lines})
}

func matches(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok
}

// report serves the run's report, made again.
func (s *Studio) report(w http.ResponseWriter, r *http.Request) error {
	run, err := s.open(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return report.Write(w, run)
}

// stage shows what a stage measured; the cells of its confusion matrix open the
// texts behind them.
func (s *Studio) stage(w http.ResponseWriter, r *http.Request) error {
	run, dir, err := s.openStage(r)
	if err != nil {
		return err
	}
	m, err := pipeline.ReadMetrics(dir.Path)
	if err != nil {
		return err
	}
	var rules []ruleLine
	for rule, n := range dir.Manifest.Counts.Dropped {
		rules = append(rules, ruleLine{rule, n})
	}
	for _, p := range dir.Manifest.Phases {
		for rule, n := range p.Counts.Dropped {
			rules = append(rules, ruleLine{rule, n})
		}
	}
	slices.SortFunc(rules, func(a, b ruleLine) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Rule, b.Rule)) })
	worst, best, err := extremeTranslations(dir)
	if err != nil {
		return err
	}
	return s.page(w, "stage.html", map[string]any{
		"Extremes": []extremeView{{"Worst translations", worst}, {"Best translations", best}},
		"Title":    dir.Manifest.Stage + " · " + run.Info.Name, "Path": run.Path, "Run": run, "Manifest": dir.Manifest, "Metrics": m,
		"Charts": report.Charts(m.Curves), "Rules": rules, "Predictions": len(dir.Files("predictions-*.parquet")) > 0,
	})
}

type extremeView struct {
	Title string
	Rows  []scoredRow
}

type ruleLine struct {
	Rule string
	N    int64
}

// A comparison of runs: settings that are not the same in all, and figures.
type comparison struct {
	Runs     []*pipeline.RunDir
	Settings []comparedRow
	Figures  []comparedRow
	Charts   []template.HTML
}

type comparedRow struct {
	Name   string
	Values []string // a run each; "–" where a run has none
}

func (s *Studio) compare(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	c := comparison{}
	for _, name := range r.Form["run"] {
		run, err := s.openRun(name)
		if err != nil {
			return err
		}
		c.Runs = append(c.Runs, run)
	}
	settings, figures := newCompared(len(c.Runs)), newCompared(len(c.Runs))
	var curves []pipeline.Curve
	for i, run := range c.Runs {
		cfg, err := run.Config(s.Table)
		if err != nil {
			return err
		}
		for line := range strings.Lines(flatten(cfg.ResolvedYAML())) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
			settings.set(name, i, value)
		}
		for _, dir := range run.Stages {
			m, err := pipeline.ReadMetrics(dir.Path)
			if err != nil {
				return err
			}
			seen := map[string]bool{}
			for _, f := range m.Figures {
				if name := dir.Manifest.Stage + " · " + f.Name; !seen[name] {
					seen[name] = true
					figures.set(name, i, report.Value(f))
				}
			}
			for _, curve := range m.Curves {
				curve.Y = strings.TrimPrefix(dir.Manifest.Stage+": "+cmp.Or(curve.Y, curve.Name), ": ")
				curve.Name = filepath.Base(run.Path) + " " + curve.Name
				curves = append(curves, curve)
			}
		}
	}
	c.Settings, c.Figures = settings.differing(), figures.rows()
	c.Charts = report.Charts(curves)
	return s.page(w, "compare.html", map[string]any{"Title": "compare", "C": c})
}

// compared collects values by name, in the order in which names appear.
type compared struct {
	n     int
	names []string
	by    map[string][]string
}

func newCompared(n int) *compared { return &compared{n: n, by: map[string][]string{}} }

func (c *compared) set(name string, run int, value string) {
	if c.by[name] == nil {
		c.names = append(c.names, name)
		c.by[name] = slices.Repeat([]string{"–"}, c.n)
	}
	c.by[name][run] = value
}

func (c *compared) rows() (out []comparedRow) {
	for _, name := range c.names {
		out = append(out, comparedRow{name, c.by[name]})
	}
	return out
}

func (c *compared) differing() (out []comparedRow) {
	return slices.DeleteFunc(c.rows(), func(r comparedRow) bool {
		return len(slices.Compact(slices.Clone(r.Values))) == 1
	})
}

// functions are what templates call.
var functions = template.FuncMap{
	"style": report.Style, "value": report.Value, "grouped": report.Grouped, "size": report.ByteSize,
	"short": func(s string) string { return fmt.Sprintf("%.12s", s) },
	"sums":  func(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) },
}
