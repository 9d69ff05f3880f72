package serve

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

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
