package finetune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"fragua/finetune/examples"
	"fragua/finetune/linear"
	"fragua/model"
	"fragua/pipeline/fault"
)

// Prompt is how a language model is asked for a class without learning anything: the class whose
// words are likeliest after the prompt (Brown et al. 2020, section 2.4).
type Prompt struct {
	Template    string            `yaml:"template" doc:"A text with its answer, for instance \"Review: {text}\\nSentiment: {label}\". Empty: no prompting."`
	Instruction string            `yaml:"instruction" doc:"What stands before all."`
	Words       map[string]string `yaml:"words" doc:"Class to the words that name it; left out: its own name."`
	Shots       int               `yaml:"shots" doc:"This many training examples stand before the text with their answers, the classes by turns; 0: zero-shot."`
	Calibrate   bool              `yaml:"calibrate" doc:"Divide by how probable each class is after texts that say nothing (Zhao et al. 2021)."`
}

// Check finds faults that types cannot show.
func (p *Prompt) Check() (faults []fault.Fault) {
	if p.Template != "" && (strings.Count(p.Template, "{text}") != 1 || strings.Count(p.Template, "{label}") != 1 || !strings.HasSuffix(p.Template, "{label}")) {
		faults = append(faults, fault.Fault{Path: "template", Err: "a template holds {text} once, and {label} once at its end", Hint: `"Review: {text}\nSentiment: {label}"`})
	}
	if p.Shots < 0 {
		faults = append(faults, fault.Fault{Path: "shots", Err: fmt.Sprintf("%d examples", p.Shots), Hint: "0 is zero-shot"})
	}
	return faults
}

// A prompted member names the class whose words are likeliest. It is saved as it is.
type prompted struct {
	Template  string    `json:"template"`
	Before    string    `json:"before"` // the instruction and the examples
	Words     []string  `json:"words"`  // of each class
	Prior     []float64 `json:"prior"`  // log-probabilities after texts that say nothing; nil: not asked for
	Asked     int       `json:"-"`
	Shortened int       `json:"-"` // prompts that lost their beginning
}

// saysNothing are the texts by which a prompt is calibrated.
var saysNothing = []string{"N/A", "[MASK]", ""}

// newPrompted writes the prompt's examples, and asks for the prior.
func newPrompted(ctx context.Context, m *Tuned, p *Prompt, train []examples.Example) (*prompted, error) {
	lm, ok := m.LM.(model.LanguageModel)
	if !ok {
		return nil, fault.Hintf(errors.New("prompt: the model is an encoder, which does not write texts"), "take a GPT-2, a Llama or one of its kin, or leave prompt out")
	}
	q := &prompted{Template: p.Template}
	for class := range p.Words {
		if !slices.Contains(m.Classes, class) {
			return nil, fmt.Errorf("prompt.words: %q is not one of the classes %q", class, m.Classes)
		}
	}
	for _, class := range m.Classes {
		word, ok := p.Words[class]
		if !ok {
			word = class
		}
		q.Words = append(q.Words, word)
	}
	var b strings.Builder
	if p.Instruction != "" {
		b.WriteString(p.Instruction + "\n\n")
	}
	for _, e := range shots(train, m.Classes, p.Shots) {
		b.WriteString(strings.NewReplacer("{text}", e.Text, "{label}", q.Words[slices.Index(m.Classes, e.Labels[0])]).Replace(q.Template) + "\n\n")
	}
	q.Before = b.String()
	if !p.Calibrate {
		return q, nil
	}
	var questions []question
	for _, text := range saysNothing {
		questions = append(questions, q.question(text))
	}
	rows, _, err := likelihoods(ctx, lm, m.Tokenizer, questions)
	if err != nil {
		return nil, err
	}
	prior := make([]float64, len(q.Words))
	for _, row := range rows {
		sum := linear.LogSum(row)
		for c := range row {
			prior[c] += math.Exp(row[c]-sum) / float64(len(rows))
		}
	}
	for c := range prior {
		prior[c] = math.Log(max(prior[c], 1e-12))
	}
	q.Prior = prior
	return q, nil
}

// shots takes training examples, the classes by turns, in their order.
func shots(train []examples.Example, classes []string, n int) (out []examples.Example) {
	next := make([]int, len(classes))
	for len(out) < n {
		before := len(out)
		for c, class := range classes {
			for next[c] < len(train) && train[next[c]].Labels[0] != class {
				next[c]++
			}
			if next[c] < len(train) && len(out) < n {
				out = append(out, train[next[c]])
				next[c]++
			}
		}
		if len(out) == before {
			return out // there are no more
		}
	}
	return out
}

// question is the prompt for a text, with the classes' words.
func (q *prompted) question(text string) question {
	before := strings.TrimSuffix(q.Template, "{label}")
	return question{q.Before + strings.Replace(before, "{text}", text, 1), q.Words}
}

func (q *prompted) logProbs(ctx context.Context, m *Tuned, set []examples.Example) ([][]float64, error) {
	lm, ok := m.LM.(model.LanguageModel)
	if !ok {
		return nil, errors.New("the model does not write texts")
	}
	var questions []question
	for _, e := range set {
		questions = append(questions, q.question(e.Text))
	}
	rows, cut, err := likelihoods(ctx, lm, m.Tokenizer, questions)
	if err != nil {
		return nil, err
	}
	q.Asked, q.Shortened = q.Asked+len(set), q.Shortened+cut
	for _, row := range rows {
		for c := range row {
			if q.Prior != nil {
				row[c] -= q.Prior[c]
			}
		}
		sum := linear.LogSum(row)
		for c := range row {
			row[c] -= sum
		}
	}
	return rows, nil
}
