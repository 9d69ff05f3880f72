package finetune

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fragua/finetune/examples"
	"fragua/finetune/metric"
	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/store"
	"fragua/tokenize"
	"fragua/tokenize/chat"
)

// Instruction is the goal of answering in a conversation. A conversation is written by the model's
// chat template; what the assistant says is learned, the token that ends its turn included, and
// all else is only read:
//
//	<|user|> question <|endoftext|> <|assistant|> answer <|endoftext|>
//	                                              └───── learned ────┘
//
// The text is encoded whole, so that the ids are those of transformers' apply_chat_template.
type Instruction struct {
	TooLong   TooLong       `yaml:"too_long" doc:"What becomes of conversations longer than the context: error or drop. Required."`
	MaxCut    float64       `yaml:"max_cut" doc:"Refuse to train where a larger share of the conversations is too long."`
	Template  settings.Path `yaml:"template" doc:"File of a Jinja chat template. Empty: the model's own, or for a model without one turns that begin with <|user|> and <|assistant|>."`
	Learn     Learn         `yaml:"learn" doc:"Which answers of a conversation are learned: all, or the last."`
	Pack      bool          `yaml:"pack" doc:"Several conversations in a row of the context's length; none sees another. batch then counts rows."`
	MaxTokens int           `yaml:"max_tokens" doc:"An answer that is written has at most this many tokens."`
	Scored    int           `yaml:"scored" doc:"Score answers to at most this many test conversations, spread evenly; 0: all."`

	chat *chat.Template
	end  int32 // the id that ends a turn; -1: the template writes none
}

// Learn is which answers of a conversation are learned.
type Learn string

// The choices.
const (
	LearnAll  Learn = "all"
	LearnLast Learn = "last"
)

// Values lists the choices.
func (Learn) Values() []string { return []string{string(LearnAll), string(LearnLast)} }

// NewInstruction returns the goal with its defaults; TooLong has none.
func NewInstruction() *Instruction {
	return &Instruction{MaxCut: 0.1, Learn: LearnAll, MaxTokens: 256, Scored: 100, end: -1}
}

// Check finds faults that types cannot show.
func (g *Instruction) Check() []fault.Fault {
	faults := g.TooLong.fault(true)
	if g.TooLong != "" && g.TooLong != LongError && g.TooLong != LongDrop {
		faults = append(faults, fault.Fault{Path: "too_long", Err: fmt.Sprintf("%s cuts the end of turns off, and the model would not learn to stop", g.TooLong), Hint: "error or drop"})
	}
	if g.MaxCut < 0 || g.MaxCut > 1 {
		faults = append(faults, fault.Fault{Path: "max_cut", Err: fmt.Sprintf("%v is not a share", g.MaxCut), Hint: "0.1 is a tenth"})
	}
	if g.MaxTokens < 1 || g.Scored < 0 {
		faults = append(faults, fault.Fault{Path: "max_tokens", Err: "max_tokens is at least 1, and scored not below 0", Hint: "256 is usual"})
	}
	return faults
}

// open reads the chat template of a model's folder.
func (g *Instruction) open(dir string, tok *tokenize.Tokenizer) (err error) {
	if g.Template.Abs != "" {
		source, err := store.ReadFile(g.Template.Abs)
		if err != nil {
			return err
		}
		g.chat, err = chat.Parse(string(source), dir, tok)
		if err != nil {
			return err
		}
	} else if g.chat, err = chat.Open(dir, tok); err == nil && g.chat == nil {
		g.chat, err = chat.For(dir, tok)
	}
	if err != nil {
		return err
	}
	end, err := g.chat.End()
	if err != nil {
		return err
	}
	g.end = -1
	if id, ok := tok.ID(end); ok {
		g.end = id
	}
	return nil
}

// saved are the settings that go into a model's config.json: its folder holds the template.
func (g *Instruction) saved() Goal {
	c := *g
	c.Template = settings.Path{}
	return &c
}

// Long is what to do with long conversations.
func (g *Instruction) Long() TooLong { return g.TooLong }

// Metrics are what training may be stopped by.
func (g *Instruction) Metrics() []string { return []string{"loss", "exact match", "chrF2"} }

// messages are the turns of an example; a text alone is a question.
func messages(e examples.Example) []chat.Message {
	if e.Messages != nil {
		return e.Messages
	}
	turns := []chat.Message{{Role: chat.User, Content: e.Text}}
	if e.Target != "" {
		turns = append(turns, chat.Message{Role: chat.Assistant, Content: e.Target})
	}
	return turns
}

// Segments is the conversation as the template writes it.
func (g *Instruction) Segments(e examples.Example) []Segment {
	pieces, err := g.chat.Pieces(messages(e), g.Learn == LearnLast)
	if err != nil {
		return []Segment{{Err: err}}
	}
	segments := make([]Segment, len(pieces))
	for i, p := range pieces {
		segments[i] = Segment{Text: p.Text, Learn: p.Learn, Special: true}
	}
	return segments
}

// Prompt is the conversation up to its last answer.
func (g *Instruction) Prompt(e examples.Example) []Segment {
	turns := messages(e)
	if last := len(turns) - 1; turns[last].Role == chat.Assistant {
		turns = turns[:last]
	}
	text, err := g.chat.Render(turns, true)
	return []Segment{{Text: text, Special: true, Err: err}}
}

// Classes is none.
func (g *Instruction) Classes(set []examples.Example) ([]string, error) {
	for _, e := range set {
		if turns := messages(e); turns[len(turns)-1].Role != chat.Assistant {
			return nil, fault.Hintf(fmt.Errorf("example %s has no answer", e.ID), "instruction needs conversations: label with data: [{chats: {path: chats.jsonl}}], or source and target")
		}
	}
	return nil, nil
}

// Fill lays conversations out from the left; what is learned of position t is id t+1.
func (g *Instruction) Fill(b *model.Batch, rows []sequence, _ int) { fillNext(b, rows) }

// Build is the model as it is: it predicts tokens already.
func (g *Instruction) Build(m model.Model, _ []string, _ []examples.Example, _ uint64) (train.Model, error) {
	return writer(m)
}

// Answer writes the next turn of each conversation, greedily.
func (g *Instruction) Answer(ctx context.Context, m *Tuned, set []examples.Example) ([]Prediction, error) {
	lm, rows, out, err := m.ask(set)
	if err != nil {
		return nil, err
	}
	end := g.end
	if end < 0 {
		end = m.Tokenizer.EndOfText()
	}
	for _, at := range inOrder(rows, rowsAtOnce) {
		var prompts [][]int32
		for _, r := range at {
			prompts = append(prompts, rows[r].ids)
			out[rows[r].row].TooLong = false
		}
		limit := func(i int) int { return max(0, min(g.MaxTokens, lm.Context()-len(prompts[i]))) }
		found, err := model.Beam(ctx, lm.Decoder(), prompts, model.Search{Beams: 1, Alpha: 1, End: end, Limit: limit})
		if err != nil {
			return nil, err
		}
		for i, r := range at {
			if len(found[i]) > 0 {
				out[rows[r].row].Got = strings.TrimSpace(m.Tokenizer.Decode(found[i][0].IDs))
			}
		}
	}
	return out, nil
}

// Score is how many answers are what the examples have, spaces aside, and chrF2.
func (g *Instruction) Score(set []examples.Example, got []Prediction, _ []string, intervals bool) (pipeline.Metrics, error) {
	hits := int64(0)
	for i, e := range set {
		if strings.TrimSpace(got[i].Got) == strings.TrimSpace(e.Target) {
			hits++
		}
	}
	n := int64(len(set))
	exact := pipeline.Figure{Name: "exact match", Value: float64(hits) / float64(max(n, 1)), N: n, Unit: "share", Better: "higher", Headline: true}
	if intervals {
		exact.PlusMinus = metric.Wilson(hits, n)
	}
	figures := []pipeline.Figure{exact}
	for _, f := range ScoreTexts(got, set, false).Figures(intervals) {
		if f.Name == "chrF2" {
			figures = append(figures, f)
		}
	}
	return pipeline.Metrics{Figures: figures}, nil
}

// MostFrequentName is the baseline that always gives the answer most frequent in training.
const MostFrequentName = "most frequent answer"

// Baselines are the answer that is most frequent in training, the first of equals.
func (g *Instruction) Baselines(train, test []examples.Example, _ []string) ([]Baseline, error) {
	if len(train) == 0 {
		return nil, nil
	}
	counts, best := map[string]int{}, train[0].Target
	for _, e := range train {
		counts[e.Target]++
	}
	for _, e := range train {
		if counts[e.Target] > counts[best] {
			best = e.Target
		}
	}
	b := Baseline{Name: MostFrequentName}
	for _, e := range test {
		b.Answers = append(b.Answers, Prediction{ID: e.ID, Got: best})
	}
	return []Baseline{b}, nil
}

// saveTemplate writes the template, and what it needs of the tokenizer's settings in base.
func (g *Instruction) saveTemplate(dir, base string) error {
	write := func(name string, b []byte) error {
		return store.WriteFile(filepath.Join(dir, name), func(w io.Writer) error { _, err := w.Write(b); return err })
	}
	if err := write(chat.TemplateFile, []byte(g.chat.Source)); err != nil {
		return err
	}
	const file = "tokenizer_config.json"
	b, err := os.ReadFile(filepath.Join(base, file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return write(file, b)
}
