package finetune

import (
	"fmt"
	"slices"
	"strings"

	"fragua/finetune/examples"
	"fragua/finetune/metric"
	"fragua/model/nn"
	"fragua/pipeline"
)

// A Preflight is what is known of a training before it begins: what it will learn, of what, and
// what that takes.
type Preflight struct {
	Rows    [len(examples.Splits)]int // examples of each split
	Labels  map[string]int            // training examples of each class; nil where answers are texts
	Values  string                    // of numbers that are to be estimated: from where to where
	Median  int                       // tokens of the training sequences
	Long    int                       // a tenth of them are longer
	Longest int                       // before any was cut
	Context int                       // what the model sees at once
	Whole   int                       // examples that fit
	Cut     int
	Dropped int
	TooLong TooLong
	Tokens  int64 // of all training sequences
	Learned int64 // of them, those that are predicted; with classes one a text
	Packed  int   // rows that they were packed into; 0: not packed
	Steps   int64
	Memory  int64 // bytes, without what a batch needs on the way
	Shown   []Shown
}

// Shown is a training example as the model reads it.
type Shown struct {
	ID     string
	Tokens []ShownToken
	Label  string // its class; "": none
}

// A ShownToken is a token's text, with spaces made visible.
type ShownToken struct {
	Text  string
	Learn bool
}

// Preflight says what the stage would learn from its inputs, and shows this many training examples,
// spread evenly. What would be refused is refused here: examples of which nothing is learned, an
// answer whose end is masked, too large a share that is cut.
func (f *Finetune) Preflight(env *pipeline.Env, shown int) (*Preflight, error) {
	sets, err := examples.Read(env.In["examples"])
	if err != nil {
		return nil, err
	}
	j, err := f.prepare(f.given(env).Path, sets, f.seed(env))
	if err != nil {
		return nil, err
	}
	return j.preflight(shown), nil
}

// preflight of a job that is prepared.
func (j *job) preflight(shown int) *Preflight {
	p := &Preflight{TooLong: j.Goal.Long()}
	for i, s := range examples.Splits {
		p.Rows[i] = len(j.sets[s])
	}
	if _, numbers := j.Goal.Goal.(*Regression); numbers {
		all := values(j.sets[examples.Train])
		mean, deviation := metric.Moments(all)
		p.Values = fmt.Sprintf("%.5g to %.5g, %.5g ± %.3g in the mean", slices.Min(all), slices.Max(all), mean, deviation)
	} else if j.tuned.Classes != nil {
		p.Labels = map[string]int{}
		for _, e := range j.sets[examples.Train] {
			for _, l := range e.Labels {
				p.Labels[l]++
			}
		}
	}
	if j.tuned.LM == nil { // n-grams read texts of any length
		return p
	}
	p.Context, p.Longest = j.tuned.LM.Context(), j.trainLengths.Longest
	p.Whole, p.Cut, p.Dropped = j.trainLengths.Whole, j.trainLengths.Cut, j.trainLengths.Dropped
	var sizes []int
	for _, s := range j.rows {
		sizes = append(sizes, s.size())
		p.Tokens += int64(s.size())
	}
	slices.Sort(sizes)
	p.Median, p.Long = sizes[len(sizes)/2], sizes[len(sizes)*9/10]
	if p.Learned = learned(j.rows); j.tuned.Classes != nil {
		p.Learned = int64(len(j.rows))
	}
	if j.trained {
		source, steps, _ := j.plan()
		p.Steps = steps
		if source.rows[0].docs != nil {
			p.Packed = len(source.rows)
		}
	}
	p.Memory = j.memory()
	for i := range min(shown, len(j.rows)) {
		p.Shown = append(p.Shown, j.show(j.rows[i*len(j.rows)/min(shown, len(j.rows))]))
	}
	return p
}

// memory is weights, and of those that learn the gradients, two moments and the best.
func (j *job) memory() int64 {
	learning := j.tuned.Model.Params()
	bytes := int64(nn.Count(learning)) * 4
	if a, ok := j.tuned.Model.(adapters); ok { // whose parameters are those that learn alone
		bytes += int64(nn.Count(a.lm.Params())) * 4
	}
	for _, p := range learning {
		if p.Grad != nil && j.trained {
			bytes += 4 * int64(len(p.Data)) * 4
		}
	}
	return bytes
}

// show is a training sequence as the model reads it.
func (j *job) show(s sequence) Shown {
	e := j.sets[examples.Train][s.row]
	shown := Shown{ID: e.ID}
	add := func(ids []int32, learn []bool) {
		for i, id := range ids {
			text := j.tuned.Tokenizer.Decode([]int32{id})
			if j.tuned.Tokenizer.Special(id) || text == "" {
				text, _ = j.tuned.Tokenizer.Token(id)
			}
			text = strings.NewReplacer(" ", "·", "\n", "⏎", "\t", "⇥").Replace(text)
			shown.Tokens = append(shown.Tokens, ShownToken{text, learn != nil && learn[i]})
		}
	}
	add(s.source, nil)
	add(s.ids, s.learn)
	if j.tuned.Classes != nil {
		shown.Label = strings.Join(e.Labels, ", ")
	}
	return shown
}

// String writes the tokens, those that are learned in brackets, for instance
//
//	the ·end <|translate|> [el] [·fin] [<|endoftext|>]
func (s Shown) String() string {
	var parts []string
	for _, t := range s.Tokens {
		if t.Learn {
			t.Text = "[" + t.Text + "]"
		}
		parts = append(parts, t.Text)
	}
	if s.Label != "" {
		parts = append(parts, "["+s.Label+"]")
	}
	return strings.Join(parts, " ")
}

// Lines tell all but the examples, a sentence each.
func (p *Preflight) Lines() []string {
	lines := []string{fmt.Sprintf("rows: %d to learn from, %d for validation, %d for test", p.Rows[0], p.Rows[1], p.Rows[2])}
	if p.Labels != nil {
		var counts []string
		for c, n := range p.Labels {
			counts = append(counts, fmt.Sprintf("%s %d", c, n))
		}
		slices.Sort(counts)
		const most = 12
		if len(counts) > most {
			counts = append(counts[:most], fmt.Sprintf("and %d more", len(counts)-most))
		}
		lines = append(lines, "labels: "+strings.Join(counts, ", "))
	}
	if p.Values != "" {
		lines = append(lines, "values: "+p.Values)
	}
	if p.Context == 0 {
		return lines
	}
	all := max(p.Whole+p.Cut+p.Dropped, 1)
	share := func(n int) float64 { return 100 * float64(n) / float64(all) }
	lines = append(lines, fmt.Sprintf("tokens: %d in the median, a tenth above %d, %d at most; the context has %d: %.1f %% cut, %.1f %% left out (too_long: %s)",
		p.Median, p.Long, p.Longest, p.Context, share(p.Cut), share(p.Dropped), p.TooLong))
	what := "tokens"
	if p.Labels != nil {
		what = "labels"
	} else if p.Values != "" {
		what = "values"
	}
	line := fmt.Sprintf("learned: %d %s, of %d tokens that are read", p.Learned, what, p.Tokens)
	if p.Packed > 0 {
		line += fmt.Sprintf("; packed into %d rows", p.Packed)
	}
	lines = append(lines, line)
	if p.Steps > 0 {
		lines = append(lines, fmt.Sprintf("training: %d steps; %.1f MB for weights, gradients and the optimizer", p.Steps, float64(p.Memory)/1e6))
	}
	return lines
}
