package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"fragua/model"
)

// sampling is what both kinds of completion may say. n, best_of and others are refused unless they
// ask for nothing.
type sampling struct {
	Model       string          `json:"model"`
	MaxTokens   *int            `json:"max_tokens"`
	MaxComplete *int            `json:"max_completion_tokens"`
	Temperature *float64        `json:"temperature"`
	TopP        *float64        `json:"top_p"`
	TopK        int             `json:"top_k"`
	Repetition  float64         `json:"repetition_penalty"`
	Seed        *uint64         `json:"seed"`
	Stop        json.RawMessage `json:"stop"`
	Stream      bool            `json:"stream"`
	StreamOpts  *struct {
		Usage bool `json:"include_usage"`
	} `json:"stream_options"`
	N         *int     `json:"n"`
	Presence  *float64 `json:"presence_penalty"`
	Frequency *float64 `json:"frequency_penalty"`
	User      string   `json:"user"`
}

type completionRequest struct {
	sampling
	Prompt   any  `json:"prompt"`
	Logprobs *int `json:"logprobs"`
	Echo     bool `json:"echo"`
}

type chatRequest struct {
	sampling
	Messages    []message `json:"messages"`
	Logprobs    bool      `json:"logprobs"`
	TopLogprobs int       `json:"top_logprobs"`
	Format      *struct {
		Type string `json:"type"`
	} `json:"response_format"`
}

func (s *Server) completions(w http.ResponseWriter, r *http.Request) error {
	var q completionRequest
	if err := read(r, &q); err != nil {
		return err
	}
	text, ok := q.Prompt.(string)
	if list, is := q.Prompt.([]any); is && len(list) == 1 {
		text, ok = list[0].(string)
	}
	if !ok {
		return refuse(http.StatusBadRequest, "prompt is one text; send several in requests of their own, they run together")
	}
	if q.Echo {
		return refuse(http.StatusBadRequest, "echo is not supported")
	}
	m, err := s.find(q.Model)
	if err != nil {
		return err
	}
	top := -1
	if q.Logprobs != nil {
		top = *q.Logprobs
	}
	return s.answer(w, r, m, &q.sampling, text, false, top, false)
}

func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) error {
	var q chatRequest
	if err := read(r, &q); err != nil {
		return err
	}
	m, err := s.find(q.Model)
	if err != nil {
		return err
	}
	if m.lm == nil {
		return refuse(http.StatusBadRequest, "%s is no language model", m.Name)
	}
	if len(q.Messages) == 0 {
		return refuse(http.StatusBadRequest, "messages is empty")
	}
	text, err := m.chat(q.Messages)
	if err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	asJSON := false
	if q.Format != nil {
		switch q.Format.Type {
		case "text":
		case "json_object":
			asJSON = true
		default:
			return refuse(http.StatusBadRequest, "response_format %q is not supported, only text and json_object", q.Format.Type)
		}
	}
	top := -1
	if q.Logprobs {
		top = q.TopLogprobs
	}
	return s.answer(w, r, m, &q.sampling, text, true, top, asJSON)
}

// stops reads a text or a list of at most 16.
func stops(raw json.RawMessage) (list []string, err error) {
	var one string
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil, refuse(http.StatusBadRequest, "stop is neither a text nor a list of texts")
	}
	for _, s := range list {
		if s == "" || len(list) > 16 {
			return nil, refuse(http.StatusBadRequest, "stop has an empty text, or more than 16")
		}
	}
	return list, nil
}

// job checks a request and makes a job of it.
func (s *Server) job(ctx context.Context, m *Model, q *sampling, text string, chat bool, top int, asJSON bool) (*job, error) {
	if m.lm == nil {
		return nil, refuse(http.StatusBadRequest, "%s is no language model", m.Name)
	}
	zero := func(name string, v *float64) error {
		if v != nil && *v != 0 {
			return refuse(http.StatusBadRequest, "%s is not supported", name)
		}
		return nil
	}
	if err := zero("presence_penalty", q.Presence); err != nil {
		return nil, err
	}
	if err := zero("frequency_penalty", q.Frequency); err != nil {
		return nil, err
	}
	if q.N != nil && *q.N != 1 {
		return nil, refuse(http.StatusBadRequest, "n is %d, and one answer a request is supported; requests run together", *q.N)
	}
	if top > 20 {
		return nil, refuse(http.StatusBadRequest, "%d alternatives are more than 20", top)
	}
	sampler := model.Sampler{Temperature: 1, TopK: q.TopK, Repetition: q.Repetition, Seed: 1337}
	if q.Temperature != nil {
		sampler.Temperature = *q.Temperature
	}
	if q.TopP != nil {
		sampler.TopP = *q.TopP
	}
	if q.Seed != nil {
		sampler.Seed = *q.Seed
	}
	if faults := sampler.Check(); len(faults) > 0 {
		return nil, refuse(http.StatusBadRequest, "%s: %s", faults[0].Path, faults[0].Err)
	}
	encode := m.tok.AppendIDs
	if chat { // the template writes special tokens; those in a message are taken for them, as transformers does
		encode = m.tok.AppendIDsSpecial
	}
	ids, err := encode(nil, text)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	if !chat {
		ids = m.tok.WithTemplate(ids)
	}
	if len(ids) == 0 {
		if m.tok.EndOfText() < 0 {
			return nil, refuse(http.StatusBadRequest, "the prompt is empty")
		}
		ids = []int32{m.tok.EndOfText()}
	}
	room := m.lm.Context() - len(ids)
	most := min(room, 256)
	for _, n := range []*int{q.MaxTokens, q.MaxComplete} {
		if n != nil {
			most = *n
		}
	}
	if most < 1 || most > room {
		return nil, refuse(http.StatusBadRequest, "the prompt has %d tokens and %d are asked for, the model's context is %d", len(ids), most, m.lm.Context())
	}
	j := &job{ctx: ctx, prompt: ids, most: most, draw: model.NewDraw(sampler, ids), top: top, events: make(chan event, most+1)}
	j.stop = append(model.Ends(m.lm), m.tok.EndOfText())
	if asJSON {
		var p jsonPrefix
		j.allow = func(id int32) (ok, done bool) {
			if m.tok.Special(id) {
				return false, false
			}
			b := m.tok.AppendBytes(nil, id)
			next := p.clone()
			if len(b) == 0 || !next.add(b) {
				return false, false
			}
			p = next
			return true, p.state == complete
		}
	}
	return j, nil
}

// answer runs a completion and writes it, whole or as it comes.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, m *Model, q *sampling, text string, chat bool, top int, asJSON bool) error {
	stop, err := stops(q.Stop)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel() // a stop text ends the job early
	j, err := s.job(ctx, m, q, text, chat, top, asJSON)
	if err != nil {
		return err
	}
	if !m.engine.submit(j) {
		return refuse(http.StatusTooManyRequests, "%d texts are waiting already; ask again in a moment", cap(m.engine.queue))
	}
	out := &writer{w: w, m: m, chat: chat, stream: q.Stream, held: holdBack{stop: stop}}
	for e := range j.events {
		if e.reason != "" {
			if e.reason == "cancelled" {
				if r.Context().Err() == context.DeadlineExceeded {
					e.reason = "length"
				} else if r.Context().Err() != nil {
					return nil // the reader has gone
				} else {
					return refuse(http.StatusServiceUnavailable, "the server is shutting down")
				}
			}
			return out.end(e.reason, len(j.prompt), q)
		}
		if out.add(e, j.top) {
			return out.end("stop", len(j.prompt), q)
		}
	}
	return fmt.Errorf("the text ended without a reason")
}
