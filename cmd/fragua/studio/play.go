package studio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"fragua/finetune"
	"fragua/finetune/examples"
	"fragua/model"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

const (
	promptMax = 100_000 // bytes of a text that a model is asked about
	tokensMax = 2_000   // of an answer
)

// An openModel is the model that was used last: opening one takes longer than
// asking it.
type openModel struct {
	dir   string
	lm    model.LanguageModel
	tok   *tokenize.Tokenizer
	tuned *finetune.Predictor // nil: a language model
}

// use opens a model unless it is the one in hand. The caller holds s.mu.
func (s *Studio) use(dir pipeline.Dir) (*openModel, error) {
	if s.model.dir == dir.Path {
		return &s.model, nil
	}
	m := openModel{dir: dir.Path}
	err := s.Verify(dir.Path)
	switch {
	case err != nil:
	case dir.Manifest.Use == "finetune":
		m.tuned, err = finetune.OpenPredictor(dir.Path)
	default:
		m.lm, m.tok, err = s.Open(dir.Path)
	}
	if err != nil {
		return nil, err
	}
	s.model = m
	return &s.model, nil
}

func (s *Studio) play(w http.ResponseWriter, r *http.Request) error {
	run, dir, err := s.openStage(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.use(dir)
	if err != nil {
		return err
	}
	goal := "generate"
	if m.tuned != nil {
		goal = m.tuned.Goal()
	}
	return s.page(w, "play.html", map[string]any{"Title": dir.Manifest.Stage, "Run": run.Path, "Stage": dir.Manifest.Stage, "Goal": goal})
}

// asked opens what a request asks of a model, and locks it until done is called.
func (s *Studio) asked(r *http.Request) (m *openModel, text string, done func(), err error) {
	r.Body = http.MaxBytesReader(nil, r.Body, 2*promptMax)
	text = r.FormValue("text")
	if len(text) > promptMax {
		return nil, "", nil, &fault.UsageError{Err: fmt.Errorf("the text has %d bytes, %d are the most", len(text), promptMax)}
	}
	_, dir, err := s.openStage(r)
	if err != nil {
		return nil, "", nil, err
	}
	s.mu.Lock()
	if m, err = s.use(dir); err != nil {
		s.mu.Unlock()
		return nil, "", nil, err
	}
	return m, text, s.mu.Unlock, nil
}

// generate streams a text and what a language model adds to it.
func (s *Studio) generate(w http.ResponseWriter, r *http.Request) error {
	m, text, done, err := s.asked(r)
	if err != nil {
		return err
	}
	defer done()
	if m.lm == nil {
		return &fault.UsageError{Err: errors.New("this model answers, it does not generate")}
	}
	sampler := model.Sampler{Temperature: decimal(r, "temperature", .8), TopK: int(number(r, "top_k", 0, 50)), Seed: uint64(number(r, "seed", 0, 1337))}
	if faults := sampler.Check(); len(faults) > 0 {
		return &fault.UsageError{Err: errors.New(faults[0].Err)}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	n := int(min(number(r, "tokens", 1, 100), tokensMax))
	err = s.Generate(r.Context(), flushed{w, http.NewResponseController(w)}, m.lm, m.tok, text, n, sampler)
	if r.Context().Err() != nil {
		return nil // the reader has gone
	}
	return err
}

// A flushed writer sends each piece at once.
type flushed struct {
	io.Writer
	*http.ResponseController
}

func (f flushed) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.Flush()
	}
	return n, err
}

// answer classifies or translates each line of a text.
func (s *Studio) answer(w http.ResponseWriter, r *http.Request) error {
	m, text, done, err := s.asked(r)
	if err != nil {
		return err
	}
	defer done()
	if m.tuned == nil {
		return &fault.UsageError{Err: errors.New("this model generates, it does not answer")}
	}
	type answer struct {
		Text   string             `json:"text"`
		Answer string             `json:"answer"`
		Probs  map[string]float32 `json:"probabilities,omitempty"`
	}
	answers := []answer{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		a, err := ask(r.Context(), m.tuned, line)
		if err != nil {
			return err
		}
		one := answer{Text: line, Answer: a.Got}
		for i, label := range m.tuned.Labels() {
			if one.Probs == nil {
				one.Probs = map[string]float32{}
			}
			if i < len(a.Probs) {
				one.Probs[label] = a.Probs[i]
			}
		}
		answers = append(answers, one)
	}
	return writeJSON(w, answers)
}

func ask(ctx context.Context, p *finetune.Predictor, text string) (finetune.Prediction, error) {
	got, err := p.Answer(ctx, []examples.Example{{ID: "text", Text: examples.Tidy(text)}})
	if err != nil {
		return finetune.Prediction{}, err
	}
	return got[0], nil
}

// neighbors lists the tokens whose embeddings lie nearest to a word's.
func (s *Studio) neighbors(w http.ResponseWriter, r *http.Request) error {
	m, text, done, err := s.asked(r)
	if err != nil {
		return err
	}
	defer done()
	if m.lm == nil {
		return &fault.UsageError{Err: errors.New("neighbours are of a language model")}
	}
	ids, err := m.tok.AppendIDs(nil, " "+strings.TrimSpace(text))
	if err != nil {
		return err
	}
	table := m.lm.Params()[0] // the embedding of ids comes first in every architecture
	space := model.NewSpace(table.Data[:m.tok.VocabSize()*m.lm.Width()], m.lm.Width())
	type neighbor struct {
		Text   string  `json:"text"`
		Cosine float64 `json:"cosine"`
	}
	near := []neighbor{}
	for _, n := range space.Nearest(space.Vector(ids), 21) {
		if t := strings.TrimSpace(m.tok.Decode([]int32{n.ID})); t != "" && t != strings.TrimSpace(text) {
			near = append(near, neighbor{t, float64(n.Cosine)})
		}
	}
	return writeJSON(w, near)
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func decimal(r *http.Request, name string, otherwise float64) float64 {
	if x, err := strconv.ParseFloat(r.FormValue(name), 64); err == nil {
		return x
	}
	return otherwise
}
