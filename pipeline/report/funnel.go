package report

import (
	"cmp"
	"maps"
	"slices"

	"fragua/pipeline"
)

// colours is how many colours the page's style has for rules.
const colours = 12

// A funnelRow says what became of the rows of one phase of a stage.
type funnelRow struct {
	Stage, Phase string // Phase: empty for the last one, whose rows the stage keeps
	Of           string // what is counted
	Counts       pipeline.Counts
	In           int64
	Drops        []drop
	Kept, Failed float64 // in percent of the widest row that counts the same
}

// A drop is what one rule took away.
type drop struct {
	Rule   string
	N      int64
	Colour int
	Width  float64 // share of the widest row, in percent
}

// A rule with the colour that it has in every row.
type rule struct {
	Name   string
	N      int64
	Colour int
}

// funnelOf returns the rows of a stage: the last phase, and each phase before it
// that lost something. Together they account for every row that was read.
func funnelOf(m *pipeline.Manifest) (rows []funnelRow) {
	of := "documents"
	if m.Kind == pipeline.Examples || m.Kind == pipeline.Predictions || m.Use == "finetune" {
		of = "examples"
	}
	add := func(phase string, c pipeline.Counts) {
		r := funnelRow{Stage: m.Stage, Phase: phase, Of: of, Counts: c, In: c.Read + c.Split}
		for _, rule := range slices.Sorted(maps.Keys(c.Dropped)) {
			r.Drops = append(r.Drops, drop{Rule: rule, N: c.Dropped[rule]})
		}
		slices.SortStableFunc(r.Drops, func(a, b drop) int { return cmp.Compare(b.N, a.N) })
		rows = append(rows, r)
	}
	for _, p := range m.Phases {
		if len(p.Counts.Dropped)+len(p.Counts.Lost) > 0 || p.Counts.Failed > 0 {
			add(p.Phase, p.Counts)
		}
	}
	if m.Counts.Read+m.Counts.Split > 0 {
		add("", m.Counts)
	}
	return rows
}

// colourRules gives each rule one colour over all rows and sets the widths of the
// bars. Rules come in the order of what they dropped in all.
func colourRules(rows []funnelRow) (rules []rule) {
	at := map[string]int{}
	widest := map[string]int64{} // documents and examples each have a scale
	for _, r := range rows {
		widest[r.Of] = max(widest[r.Of], r.In)
		for _, d := range r.Drops {
			k, seen := at[d.Rule]
			if !seen {
				k = len(rules)
				at[d.Rule] = k
				rules = append(rules, rule{Name: d.Rule, Colour: k % colours})
			}
			rules[k].N += d.N
		}
	}
	for i := range rows {
		r := &rows[i]
		share := func(n int64) float64 { return 100 * float64(n) / float64(max(widest[r.Of], 1)) }
		r.Kept, r.Failed = share(r.Counts.Kept), share(r.Counts.Failed)
		for k := range r.Drops {
			r.Drops[k].Colour = rules[at[r.Drops[k].Rule]].Colour
			r.Drops[k].Width = share(r.Drops[k].N)
		}
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return cmp.Compare(b.N, a.N) })
	return rules
}
