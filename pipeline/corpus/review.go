package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"fragua/pipeline"
)

// From how many documents on a review says something: less is chance.
const (
	reviewSource = 10   // of a source
	reviewRule   = 100  // of the stage, for a rule that drops much
	reviewSilent = 1000 // of the stage, for rules that drop nothing
)

// Review says which rules never fired, which drop more than a tenth alone, and which sources they empty.
func (s *Ingest) Review(c pipeline.Counts) []string {
	list := slices.Clone(s.Steps)
	for _, source := range s.Sources {
		list = append(list, source.source.Steps()...)
	}
	return review(c, list)
}

// Review says what Ingest's does.
func (s *Filter) Review(c pipeline.Counts) []string { return review(c, s.Steps) }

// Review says whether training repeats what it is judged by.
func (s *Mix) Review(c pipeline.Counts) (notes []string) {
	if n := c.Sums["leaks"]; n > 0 && s.Leaks == LeaksReport {
		notes = append(notes, fmt.Sprintf("%d training documents repeat held-out ones; leaks/ lists them, and leaks: drop leaves them out", n))
	}
	return append(notes, emptied(c)...)
}

func review(c pipeline.Counts, list []StepChoice) (notes []string) {
	total := c.Read + c.Split
	if total >= reviewSilent {
		var silent []string
		for _, rule := range rulesOf(list) {
			if c.Dropped[rule] == 0 {
				silent = append(silent, rule)
			}
		}
		if len(silent) > 0 {
			notes = append(notes, "never fired: "+strings.Join(silent, ", "))
		}
	}
	if total >= reviewRule {
		for _, rule := range slices.Sorted(maps.Keys(c.Dropped)) {
			if n := c.Dropped[rule]; 10*n > total {
				notes = append(notes, fmt.Sprintf("%s alone drops %.0f %% of the documents; read some in rejects/", rule, 100*float64(n)/float64(total)))
			}
		}
	}
	return append(notes, emptied(c)...)
}

// emptied names the sources that lose nine tenths of their documents.
func emptied(c pipeline.Counts) (notes []string) {
	for _, name := range slices.Sorted(maps.Keys(c.Sums)) {
		source, ok := strings.CutPrefix(name, droppedFrom)
		if !ok {
			continue
		}
		dropped, kept := c.Sums[name], c.Sums[keptFrom+source]
		if dropped+kept >= reviewSource && dropped >= 9*kept {
			notes = append(notes, fmt.Sprintf("of source %s %d documents of %d are dropped", source, dropped, dropped+kept))
		}
	}
	return notes
}

// rulesOf lists the rules of steps, those with limits that are on, each once.
func rulesOf(list []StepChoice) (rules []string) {
	for _, s := range list {
		t, ok := s.step.(tester)
		if !ok {
			continue
		}
		for m := range t.tests(new(Document)) {
			if !slices.Contains(rules, m.Rule) {
				rules = append(rules, m.Rule)
			}
		}
	}
	return rules
}
