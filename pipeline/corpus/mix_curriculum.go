package corpus

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// Curriculum orders the training documents by levels: the shards of a level come behind those of the level before.
type Curriculum struct {
	By         CurriculumBy `yaml:"by" doc:"What the level is decided by: none (no order), source, or words (short documents first)."`
	Order      []string     `yaml:"order" doc:"Sources in the order in which training meets them; those not named come first."`
	Levels     int          `yaml:"levels" doc:"Into how many levels words divides the documents."`
	Descending bool         `yaml:"descending" doc:"Turn the order round."`
}

// CurriculumBy is what a level is decided by.
type CurriculumBy string

// Values of CurriculumBy.
const (
	CurriculumNone   CurriculumBy = "none"
	CurriculumSource CurriculumBy = "source"
	CurriculumWords  CurriculumBy = "words"
)

// Values lists what a CurriculumBy can be.
func (CurriculumBy) Values() []string {
	return []string{string(CurriculumNone), string(CurriculumSource), string(CurriculumWords)}
}

const mostLevels = 64

func (c *Curriculum) check() (faults []fault.Fault) {
	switch {
	case c.By == CurriculumSource && len(c.Order) == 0:
		faults = missing("curriculum.order", "curriculum by source names no source", "order: [web, books]")
	case c.By != CurriculumSource && len(c.Order) > 0:
		faults = missing("curriculum.order", "order is for by: source", "by: source")
	case len(c.Order) >= mostLevels, c.By == CurriculumWords && (c.Levels < 2 || c.Levels > mostLevels):
		faults = missing("curriculum.levels", fmt.Sprintf("a curriculum has 2 to %d levels", mostLevels), "levels: 8")
	}
	return faults
}

// levels returns how many there are.
func (c *Curriculum) levels() int {
	switch c.By {
	case CurriculumSource:
		return len(c.Order) + 1
	case CurriculumWords:
		return c.Levels
	}
	return 1
}

// level returns that of a document. What is held out stands in the first.
func (c *Curriculum) level(d *Document, bounds []int64) (level int) {
	if d.Split != Train || c.By == CurriculumNone {
		return 0
	}
	switch c.By {
	case CurriculumSource:
		level = 1 + slices.Index(c.Order, d.Source)
	case CurriculumWords:
		for level < len(bounds) && d.Words >= bounds[level] {
			level++
		}
	}
	if c.Descending {
		level = c.levels() - 1 - level
	}
	return level
}

// lengthClasses is how many classes of length there are: eight between a power of two and the next.
const lengthClasses = 8 * 64

// lengthClass returns the class of a number of words.
func lengthClass(words int64) int {
	w := uint64(max(words, 0)) + 8
	log := bits.Len64(w) - 4
	return 8*log + int(w>>log) - 8
}

// leastLength returns the least number of words of a class.
func leastLength(class int) int64 { return int64(8+class%8)<<(class/8) - 8 }

// bounds returns the words from which the second level on begin, so that each has about as many documents.
func (c *Curriculum) bounds(lengths []int64) (bounds []int64) {
	if c.By != CurriculumWords {
		return nil
	}
	total, below := int64(0), int64(0)
	for _, n := range lengths {
		total += n
	}
	for class, n := range lengths {
		for len(bounds) < c.Levels-1 && below >= total*int64(len(bounds)+1)/int64(c.Levels) && below > 0 {
			bounds = append(bounds, leastLength(class))
		}
		below += n
	}
	return bounds
}

// unknown returns an error if the order names a source that is not there. Under a limit it is only said.
func (c *Curriculum) unknown(env *pipeline.Env, sources []string) error {
	sources = slices.Compact(slices.Sorted(slices.Values(sources)))
	for _, name := range c.Order {
		if slices.Contains(sources, name) {
			continue
		}
		err := fmt.Errorf("curriculum: no document comes from a source called %q", name)
		if env.Limit == 0 {
			return fault.Hintf(err, "there are %s", strings.Join(sources, ", "))
		}
		env.Progress.Say(err.Error())
	}
	return nil
}
