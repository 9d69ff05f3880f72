package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

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

// A holdBack gives out text as soon as no stop text can begin in it.
type holdBack struct {
	stop    []string
	pending []byte // bytes of characters that are not whole
	text    string // held back
}

// add takes bytes and returns what may go out; stopped: a stop text is there, and nothing follows.
func (h *holdBack) add(b []byte) (out string, stopped bool) {
	h.pending = append(h.pending, b...)
	whole := len(h.pending)
	for n := 1; n <= min(3, len(h.pending)); n++ { // a character may go on in the next id
		if c := h.pending[len(h.pending)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(h.pending[len(h.pending)-n:]) {
				whole = len(h.pending) - n
			}
			break
		}
	}
	h.text += strings.ToValidUTF8(string(h.pending[:whole]), "\uFFFD")
	h.pending = append(h.pending[:0], h.pending[whole:]...)
	keep := 0
	for _, s := range h.stop {
		if i := strings.Index(h.text, s); i >= 0 {
			return h.text[:i], true
		}
		for n := min(len(s)-1, len(h.text)); n > keep; n-- {
			if strings.HasSuffix(h.text, s[:n]) {
				keep = n
			}
		}
	}
	out, h.text = h.text[:len(h.text)-keep], h.text[len(h.text)-keep:]
	return out, false
}

// rest is what was held back at the end.
func (h *holdBack) rest() string { return h.text + strings.ToValidUTF8(string(h.pending), "\uFFFD") }

// A writer writes a completion in OpenAI's form.
type writer struct {
	w      http.ResponseWriter
	m      *Model
	chat   bool
	stream bool
	held   holdBack
	all    strings.Builder
	probs  []any // by token, if they are asked for
	n      int
	begun  bool
}

// add takes an id; stopped: a stop text came.
func (o *writer) add(e event, top int) (stopped bool) {
	o.n++
	b := o.m.tok.AppendBytes(nil, e.id)
	text, stopped := o.held.add(b)
	if top >= 0 {
		alternatives := []any{}
		for _, a := range e.top {
			alternatives = append(alternatives, o.prob(a.id, a.logp))
		}
		p := o.prob(e.id, e.logp)
		p["top_logprobs"] = alternatives
		o.probs = append(o.probs, p)
	}
	o.send(text, "")
	return stopped
}

func (o *writer) prob(id int32, logp float64) map[string]any {
	b := o.m.tok.AppendBytes(nil, id)
	bytes := make([]int, len(b))
	for i, c := range b {
		bytes[i] = int(c)
	}
	return map[string]any{"token": strings.ToValidUTF8(string(b), "\uFFFD"), "logprob": logp, "bytes": bytes}
}

func (o *writer) send(text, reason string) {
	o.all.WriteString(text)
	if !o.stream || text == "" && reason == "" && len(o.probs) == 0 {
		return
	}
	if !o.begun {
		o.w.Header().Set("Content-Type", "text/event-stream")
		o.w.Header().Set("Cache-Control", "no-store")
		o.begun = true
		if o.chat {
			o.event(o.body([]any{map[string]any{"index": 0, "delta": map[string]any{"role": "assistant", "content": ""}, "finish_reason": nil}}))
		}
	}
	o.event(o.body([]any{o.choice(text, reason, true)}))
	o.probs = nil
}

func (o *writer) event(v any) {
	b, _ := json.Marshal(v) // maps of texts and numbers always encode
	fmt.Fprintf(o.w, "data: %s\n\n", b)
	http.NewResponseController(o.w).Flush()
}

func (o *writer) body(choices []any) map[string]any {
	object := "text_completion"
	if o.chat {
		if object = "chat.completion"; o.stream {
			object = "chat.completion.chunk"
		}
	}
	return map[string]any{"id": "fragua", "object": object, "created": 0, "model": o.m.Name, "choices": choices}
}

func (o *writer) choice(text, reason string, delta bool) map[string]any {
	c := map[string]any{"index": 0, "finish_reason": nil, "logprobs": nil}
	if reason != "" {
		c["finish_reason"] = reason
	}
	switch {
	case o.chat && delta && text == "" && reason != "":
		c["delta"] = map[string]any{}
	case o.chat && delta:
		c["delta"] = map[string]any{"content": text}
	case o.chat:
		c["message"] = map[string]any{"role": "assistant", "content": text}
	default:
		c["text"] = text
	}
	if o.probs == nil {
		return c
	}
	if o.chat {
		c["logprobs"] = map[string]any{"content": o.probs}
		return c
	}
	tokens, logps, tops := []any{}, []any{}, []any{}
	for _, p := range o.probs {
		q := p.(map[string]any)
		top := map[string]any{}
		for _, a := range q["top_logprobs"].([]any) {
			top[a.(map[string]any)["token"].(string)] = a.(map[string]any)["logprob"]
		}
		tokens, logps, tops = append(tokens, q["token"]), append(logps, q["logprob"]), append(tops, top)
	}
	c["logprobs"] = map[string]any{"tokens": tokens, "token_logprobs": logps, "top_logprobs": tops, "text_offset": []int{}}
	return c
}

// end writes the whole, or the last event.
func (o *writer) end(reason string, prompt int, q *sampling) error {
	rest := ""
	if reason != "stop" || len(o.held.stop) == 0 || !strings.Contains(o.held.text, firstOf(o.held)) {
		rest = o.held.rest()
	}
	usage := map[string]int{"prompt_tokens": prompt, "completion_tokens": o.n, "total_tokens": prompt + o.n}
	if !o.stream {
		o.all.WriteString(rest)
		b := o.body([]any{o.choice(o.all.String(), reason, false)})
		b["usage"] = usage
		return writeJSON(o.w, b)
	}
	o.send(rest, "")
	o.send("", reason)
	if q.StreamOpts != nil && q.StreamOpts.Usage {
		b := o.body([]any{})
		b["usage"] = usage
		o.event(b)
	}
	fmt.Fprint(o.w, "data: [DONE]\n\n")
	return nil
}

// firstOf is the stop text that stands in what is held back, or a text that stands nowhere.
func firstOf(h holdBack) string {
	for _, s := range h.stop {
		if strings.Contains(h.text, s) {
			return s
		}
	}
	return "\x00"
}
