package report

import (
	"errors"
	"html/template"
	"io/fs"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/store"
)

// A view is what the page shows.
type view struct {
	Info      pipeline.RunInfo
	Seconds   float64 // of all stages
	Headlines []headline
	Models    []modelRow      // side by side; none where there are fewer than two
	Pictures  []template.HTML // of the models
	Labels    []template.HTML // what models are worth by the labels that they learned from
	Funnel    []funnelRow
	Rules     []rule // that dropped something, with the colour of each
	Corpora   []corpusView
	Filters   []filterRow
	Stages    []stageView
	Resolved  string
}

type stageView struct {
	Info     pipeline.StageInfo
	Manifest *pipeline.Manifest // nil: not finished
	Metrics  pipeline.Metrics
	Charts   []template.HTML
	Dropped  []droppedRule
	Answers  []answerCell
	Files    int
	Bytes    int64
}

// Shown says whether the stage has a section of its own.
func (s stageView) Shown() bool {
	m := s.Metrics
	return len(m.Figures)+len(s.Charts)+len(m.Samples)+len(m.Translations)+len(s.Dropped)+len(s.Answers)+len(m.Looks) > 0 || m.Confusion != nil
}

func newView(run *pipeline.RunDir) (*view, error) {
	v := &view{Info: run.Info}
	resolved, err := store.ReadFile(store.Join(run.Path, pipeline.ResolvedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	v.Resolved = string(resolved)
	for _, info := range run.Info.Stages {
		v.Seconds += info.Seconds
		s := stageView{Info: info}
		if dir, ok := run.Stage(info.Name); ok {
			if err := s.open(dir); err != nil {
				return nil, err
			}
			v.Headlines = append(v.Headlines, headlines(info, s.Metrics.Figures)...)
			v.Funnel = append(v.Funnel, funnelOf(dir.Manifest)...)
			v.Filters = append(v.Filters, filtersOf(s)...)
			corpus, err := corpusOf(dir)
			if err != nil {
				return nil, err
			}
			if corpus != nil {
				v.Corpora = append(v.Corpora, *corpus)
			}
		}
		v.Stages = append(v.Stages, s)
	}
	if v.Models = modelsOf(v.Stages); v.Models != nil {
		v.Pictures = charts(append(lossBySize(v.Stages), lossByContext(v.Stages)...))
	}
	v.Labels = charts(scoreByLabels(v.Stages))
	v.Corpora = lastOnly(v.Corpora)
	v.Rules = colourRules(v.Funnel)
	return v, nil
}

// open reads what a finished stage left behind.
func (s *stageView) open(dir pipeline.Dir) (err error) {
	s.Manifest = dir.Manifest
	for _, f := range dir.Manifest.Shards {
		s.Files++
		s.Bytes += f.Bytes
	}
	if s.Metrics, err = pipeline.ReadMetrics(dir.Path); err != nil {
		return err
	}
	s.Charts = charts(s.Metrics.Curves)
	if m := places(s.Metrics.Map); m != "" {
		s.Charts = append(s.Charts, m)
	}
	if s.Dropped, err = droppedOf(dir); err != nil {
		return err
	}
	s.Answers, err = answersOf(dir)
	return err
}

// A filterRow is a rule of a stage that made the documents what they are.
type filterRow struct {
	Stage, Rule, Limit string
	N                  int64 // documents that it dropped
}

// filtersOf lists the rules by which a stage dropped documents, in the order of the report.
func filtersOf(s stageView) (out []filterRow) {
	if s.Manifest.Kind != pipeline.Documents {
		return nil
	}
	for _, d := range s.Dropped {
		row := filterRow{Stage: s.Info.Name, Rule: d.Rule, N: d.N}
		if len(d.Samples) > 0 {
			row.Limit = d.Samples[0].Limit
		}
		out = append(out, row)
	}
	return out
}

// A headline is a figure by which a stage is judged, with its baselines.
type headline struct {
	Stage, Use string
	pipeline.Figure
	Baselines []pipeline.Figure // of the same name, in the stage's order
}

func headlines(info pipeline.StageInfo, figures []pipeline.Figure) (out []headline) {
	at := map[string]int{}
	for _, f := range figures {
		if !f.Headline {
			continue
		}
		if k, seen := at[f.Name]; seen {
			f.Note, _, _ = strings.Cut(f.Note, " · ") // without how it was computed
			out[k].Baselines = append(out[k].Baselines, f)
			continue
		}
		at[f.Name] = len(out)
		out = append(out, headline{Stage: info.Name, Use: info.Use, Figure: f})
	}
	return out
}
