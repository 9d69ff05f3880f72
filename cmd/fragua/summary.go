package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fragua/pipeline"
)

// summary ends a run: the funnel with its sum, the figures beside their baselines, three
// translations, where everything lies, and what to do next. At most 25 lines.
func summary(w io.Writer, res *pipeline.Result, reportName string, took time.Duration) error {
	w = printableWriter{w}
	for _, s := range res.Stages {
		m := s.Dir.Manifest
		switch {
		case m == nil:
		case m.Kind == pipeline.Documents:
			fmt.Fprintf(w, "%-12s %s\n", s.Name, funnel(m.Counts))
			for _, l := range m.Counts.Lost {
				fmt.Fprintf(w, "%-12s not read to its end: %s\n", s.Name, l)
			}
			for _, note := range s.Notes {
				fmt.Fprintf(w, "%-12s note: %s\n", s.Name, note)
			}
		case m.Kind == pipeline.Examples && lost(m): // where nothing was, the line would say nothing
			for _, p := range m.Phases {
				fmt.Fprintf(w, "%-12s %s: %s\n", s.Name, p.Phase, funnel(p.Counts))
			}
			fmt.Fprintf(w, "%-12s %s\n", s.Name, funnel(m.Counts))
		}
	}
	var shown []pipeline.Translation
	var from string
	for _, s := range res.Stages {
		m, err := pipeline.ReadMetrics(s.Dir.Path)
		if err != nil {
			continue // most stages measure nothing
		}
		for _, line := range figureLines(m.Figures) {
			fmt.Fprintf(w, "%-12s %s\n", s.Name, line)
		}
		if len(m.Translations) > 0 && shown == nil {
			shown, from = m.Translations[:min(3, len(m.Translations))], s.Name
		}
	}
	for _, t := range shown {
		fmt.Fprintf(w, "%-12s %s → %s\n", from, t.Source, t.Output)
	}
	ran := 0
	for _, s := range res.Stages {
		if !s.Cached {
			ran++
		}
	}
	fmt.Fprintf(w, "%s, %d of them run, in %s; all of it in %s\n", plural(len(res.Stages), "stage"), ran, seconds(took), near(res.Dir))
	fmt.Fprintf(w, "look at it   %s\n", reportName)
	for _, next := range nextCommands(res) {
		fmt.Fprintf(w, "then         %s\n", next)
	}
	return nil
}

// lost says whether a stage dropped a row in any phase, or could not read it.
func lost(m *pipeline.Manifest) bool {
	for _, p := range m.Phases {
		if p.Counts.Failed > 0 || len(p.Counts.Dropped) > 0 {
			return true
		}
	}
	return m.Counts.Failed > 0 || len(m.Counts.Dropped) > 0
}

// funnel shows that no row was lost.
func funnel(c pipeline.Counts) string {
	var dropped int64
	rules := slices.SortedFunc(maps.Keys(c.Dropped), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.Dropped[b], c.Dropped[a]), cmp.Compare(a, b))
	})
	var why []string
	for _, r := range rules {
		dropped += c.Dropped[r]
		if len(why) < 3 {
			why = append(why, fmt.Sprintf("%s %s", r, number(c.Dropped[r])))
		}
	}
	if len(rules) > 3 {
		why = append(why, "…")
	}
	s := fmt.Sprintf("read %s", number(c.Read))
	if c.Split > 0 {
		s += fmt.Sprintf(" + split off %s", number(c.Split))
	}
	s += fmt.Sprintf(" = kept %s + dropped %s", number(c.Kept), number(dropped))
	if len(why) > 0 {
		s += " (" + strings.Join(why, ", ") + ")"
	}
	return s + fmt.Sprintf(" + failed %s", number(c.Failed))
}

// figureLines puts each headline figure on a line with its baselines: the figures of the
// same name that follow it.
func figureLines(figures []pipeline.Figure) []string {
	var lines []string
	shown := map[string]bool{}
	for _, first := range figures {
		name := first.Name
		if !first.Headline || shown[name] {
			continue
		}
		shown[name] = true
		var parts []string
		for _, f := range figures {
			if !f.Headline || f.Name != name {
				continue
			}
			v := figureText(f)
			if len(parts) > 0 {
				v = fmt.Sprintf("%s %s", shortNote(f.Note), v)
			} else if f.N > 0 {
				v += fmt.Sprintf(" (n = %s)", number(f.N))
			}
			parts = append(parts, v)
		}
		if len(parts) > 0 {
			line := name + " " + parts[0]
			if len(parts) > 1 {
				line += "; beside it " + strings.Join(parts[1:], ", ")
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// shortNote leaves out how a figure was computed.
func shortNote(note string) string {
	short, _, _ := strings.Cut(note, " · ")
	return short
}

func figureText(f pipeline.Figure) string {
	digits := 3
	if f.Digits > 0 {
		digits = f.Digits
	}
	v, pm := f.Value, f.PlusMinus
	unit := ""
	if f.Unit == "share" {
		v, pm, digits, unit = 100*v, 100*pm, 1, " %"
	}
	s := fmt.Sprintf("%.*f", digits, v)
	if pm > 0 {
		s += fmt.Sprintf(" ± %.*f", digits, pm)
	}
	return s + unit
}

// near is a path as one would type it here.
func near(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// nextCommands are three lines to paste.
func nextCommands(res *pipeline.Result) []string {
	var next []string
	dir := func(s pipeline.StageResult) string { return filepath.ToSlash(near(s.Dir.Path)) }
	var model, sentiment, translation, chat, documents string
	for _, s := range res.Stages {
		switch {
		case s.Use == "pretrain":
			model = dir(s)
		case s.Use == "finetune":
			m, err := pipeline.ReadMetrics(s.Dir.Path)
			switch {
			case err != nil || len(m.Translations) == 0:
				sentiment = dir(s)
			case slices.ContainsFunc(m.Figures, func(f pipeline.Figure) bool { return f.Name == "exact match" }):
				chat = dir(s)
			default:
				translation = dir(s)
			}
		case s.Dir.Manifest != nil && s.Dir.Manifest.Kind == pipeline.Documents:
			documents = dir(s)
		}
	}
	if sentiment != "" {
		next = append(next, fmt.Sprintf("echo 'A warm and funny book.' | fragua predict %s -", sentiment))
	}
	if translation != "" {
		next = append(next, fmt.Sprintf("fragua translate %s 'The smith buys the red hammer.'", translation))
	}
	if chat != "" {
		next = append(next, fmt.Sprintf("fragua serve %s", chat))
	}
	if model != "" {
		next = append(next, fmt.Sprintf("fragua generate %s --prompt 'The light'", model))
	}
	if documents != "" {
		next = append(next, fmt.Sprintf("fragua inspect %s", documents))
	}
	return next[:min(3, len(next))]
}
