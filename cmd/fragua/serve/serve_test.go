package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fragua/model"
)

const tiny = "../../../model/testdata/gguf/llama-theta.gguf"

// start serves the tiny llama with a chat template.
func start(t *testing.T, change func(*Options)) (*httptest.Server, *Server) {
	m, err := Open("tiny="+tiny, "f32", "")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Models: []*Model{m}, Slots: 4, Queue: 64, Body: 1 << 16, Timeout: time.Minute}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(func() { h.Close(); s.Close() })
	return h, s
}

// ask posts JSON and returns the status and the decoded answer.
func ask(t *testing.T, h *httptest.Server, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest("POST", h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(w.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, v
}

func choice(v map[string]any) map[string]any {
	return v["choices"].([]any)[0].(map[string]any)
}

const greedy = `{"model":"tiny","prompt":"ab abc","max_tokens":8,"temperature":0`

func TestCompletions(t *testing.T) {
	h, _ := start(t, nil)
	status, v := ask(t, h, "/v1/completions", greedy+`}`)
	text, _ := choice(v)["text"].(string)
	if status != 200 || text == "" {
		t.Fatal(status, v)
	}
	// What the engine gives is what the model alone gives.
	m, err := model.OpenLanguageModel(tiny)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := Open(tiny, "f32", "")
	ids, _ := one.tok.AppendIDs(nil, "ab abc")
	var want []byte
	for id := range model.Generate(t.Context(), m.Decoder(), ids, 8, append(model.Ends(m), one.tok.EndOfText()), model.Sampler{}) {
		want = one.tok.AppendBytes(want, id)
	}
	if text != string(want) {
		t.Errorf("the server wrote %q, the model %q", text, want)
	}
	// The same seed draws the same text, streamed or not.
	drawn := `{"prompt":"ab","max_tokens":12,"temperature":2,"seed":7`
	_, a := ask(t, h, "/v1/completions", drawn+`}`)
	if b := stream(t, h, "/v1/completions", drawn+`,"stream":true}`); choice(a)["text"] != b {
		t.Errorf("streamed %q, whole %q", b, choice(a)["text"])
	}
	// A stop text ends it, and is not given out.
	stop := string([]rune(text)[1:3])
	_, v = ask(t, h, "/v1/completions", greedy+`,"stop":[`+fmt.Sprintf("%q", stop)+`]}`)
	if got := choice(v); got["text"] != text[:strings.Index(text, stop)] || got["finish_reason"] != "stop" {
		t.Errorf("stopped at %q: %v, of %q", stop, got, text)
	}
	_, v = ask(t, h, "/v1/completions", greedy+`,"logprobs":2}`)
	probs := choice(v)["logprobs"].(map[string]any)
	if n := len(probs["tokens"].([]any)); n != 8 || len(probs["top_logprobs"].([]any)[0].(map[string]any)) != 2 || !(probs["token_logprobs"].([]any)[0].(float64) <= 0) {
		t.Errorf("logprobs: %v", probs)
	}
}

// stream reads server-sent events and joins their texts.
func stream(t *testing.T, h *httptest.Server, path, body string) (text string) {
	t.Helper()
	w, err := http.Post(h.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	done := false
	for in := bufio.NewScanner(w.Body); in.Scan(); {
		data, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		if done = data == "[DONE]"; done {
			break
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatal(err, data)
		}
		c := choice(v)
		if s, ok := c["text"].(string); ok {
			text += s
		} else if d, ok := c["delta"].(map[string]any); ok {
			s, _ := d["content"].(string)
			text += s
		}
	}
	if !done {
		t.Error("the stream ended without [DONE]")
	}
	return text
}

func TestChat(t *testing.T) {
	dir := t.TempDir()
	from := "../../../model/testdata/gguf/llama-theta.gguf"
	m, err := model.Open(from)
	if err == nil {
		err = model.Save(dir, m, model.Extra{End: -1})
	}
	one, err2 := Open(from, "f32", "")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if err := one.tok.SaveAll(dir); err != nil {
		t.Fatal(err)
	}
	template := `{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ message['content'] + ' ' }}{% endfor %}{% if add_generation_prompt %}abc{% endif %}`
	if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte(template), 0o644); err != nil {
		t.Fatal(err)
	}
	h, _ := start(t, func(o *Options) {
		m, err := Open("chat="+dir, "f32", "")
		if err != nil {
			t.Fatal(err)
		}
		o.Models = append(o.Models, m)
	})
	body := `{"model":"chat","messages":[{"role":"user","content":"ab"}],"max_tokens":6,"temperature":0`
	status, v := ask(t, h, "/v1/chat/completions", body+`}`)
	if status != 200 {
		t.Fatal(v)
	}
	text := choice(v)["message"].(map[string]any)["content"].(string)
	_, plain := ask(t, h, "/v1/completions", `{"model":"chat","prompt":"ab abc","max_tokens":6,"temperature":0}`)
	if text != choice(plain)["text"] {
		t.Errorf("a chat gives %q, its text %q", text, choice(plain)["text"])
	}
	if got := stream(t, h, "/v1/chat/completions", body+`,"stream":true}`); got != text {
		t.Errorf("streamed %q, want %q", got, text)
	}
	if status, v := ask(t, h, "/v1/chat/completions", `{"model":"chat","messages":[{"role":"system","content":"x"}]}`); status != 400 || !strings.Contains(fmt.Sprint(v), "no system") {
		t.Error(status, v)
	}
	if status, v := ask(t, h, "/v1/chat/completions", `{"model":"tiny","messages":[{"role":"user","content":"x"}]}`); status != 400 || !strings.Contains(fmt.Sprint(v), "no chat template") {
		t.Error(status, v)
	}
	_, v = ask(t, h, "/v1/embeddings", `{"model":"chat","input":["ab","abc"]}`)
	vectors := v["data"].([]any)
	length := 0.0
	for _, x := range vectors[1].(map[string]any)["embedding"].([]any) {
		length += x.(float64) * x.(float64)
	}
	if len(vectors) != 2 || math.Abs(length-1) > 1e-5 {
		t.Errorf("%d vectors, the second of length² %g", len(vectors), length)
	}
	_, v = ask(t, h, "/tokenize", `{"model":"chat","text":"ab abc"}`)
	if fmt.Sprint(v["tokens"]) != "[ab Ġab c]" && len(v["ids"].([]any)) == 0 {
		t.Error(v)
	}
}

func TestRefusals(t *testing.T) {
	h, s := start(t, func(o *Options) { o.Key = "secret" })
	key := []string{"Authorization", "Bearer secret"}
	for _, c := range []struct {
		path, body, want string
		status           int
		header           []string
	}{
		{"/v1/completions", greedy + `}`, "the API key is missing", 401, nil},
		{"/v1/completions", greedy + `}`, "may not ask this server", 403, append(key, "Origin", "http://evil.example")},
		{"/v1/completions", `{"model":"nosuch","prompt":"a"}`, "no model", 404, key},
		{"/v1/completions", `{"prompt":"a","max_tokens":40}`, "context is 32", 400, key},
		{"/v1/completions", `{"prompt":"a","max_tokens":-1}`, "context is 32", 400, key},
		{"/v1/completions", `{"prompt":"a","nosuch":1}`, "unknown field", 400, key},
		{"/v1/completions", `{"prompt":"a","n":2}`, "one answer a request", 400, key},
		{"/v1/completions", `{"prompt":"a","temperature":-1}`, "is below 0", 400, key},
		{"/v1/completions", `{`, "not what is expected", 400, key},
		{"/v1/completions", `{"prompt":"` + strings.Repeat("a", 1<<17) + `"}`, "more than 65536 bytes", 413, key},
		{"/v1/embeddings", `{"input":[1]}`, "is no text", 400, key},
		{"/classify", `{"input":"a"}`, "was not fine-tuned", 400, key},
	} {
		status, v := ask(t, h, c.path, c.body, c.header...)
		if status != c.status || !strings.Contains(fmt.Sprint(v), c.want) {
			t.Errorf("%s %.60s: %d %v, want %d with %q", c.path, c.body, status, v, c.status, c.want)
		}
	}
	s.Drain()
	if status, _ := ask(t, h, "/v1/completions", greedy+`}`, key...); status != 503 {
		t.Errorf("while shutting down: %d", status)
	}
}

// TestLoad: many clients at once lose nothing, each gets its own text, and what does not fit into
// the queue is refused at once.
func TestLoad(t *testing.T) {
	h, _ := start(t, nil)
	_, alone := ask(t, h, "/v1/completions", greedy+`}`)
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			body := greedy + `}`
			if i%2 == 1 {
				body = fmt.Sprintf(`{"prompt":"%s","max_tokens":5,"temperature":1,"seed":%d}`, strings.Repeat("ab ", 1+i%5), i)
			}
			status, v := ask(t, h, "/v1/completions", body)
			if status != 200 || i%2 == 0 && choice(v)["text"] != choice(alone)["text"] {
				t.Errorf("client %d: %d %v", i, status, v)
			}
		})
	}
	all.Wait()
	w, err := http.Get(h.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(w.Body)
	w.Body.Close()
	if !bytes.Contains(b, []byte(`fragua_requests_total{path="/v1/completions",status="200"} 33`)) {
		t.Errorf("metrics: %s", b)
	}
	// An engine that stands still: the queue fills, then requests are refused.
	m, _ := Open("still="+tiny, "f32", "")
	e := newEngine(m.lm, 1, 2, &stats{})
	for i, want := range []bool{true, true, false} {
		if got := e.submit(&job{}); got != want {
			t.Errorf("job %d is taken: %v", i, got)
		}
	}
}

// TestJSONPrefix: what every prefix of an object is, and no more.
func TestJSONPrefix(t *testing.T) {
	for _, text := range []string{`{}`, ` {"a": [1, -2.5e+3, 0, true, null, "x\u00e9\n"], "b":{"c":[]}}`[1:], `{"a":"é", "b" : [[], {}] }`} {
		var p jsonPrefix
		if !p.add([]byte(text)) || p.state != complete {
			t.Errorf("%s is not taken", text)
		}
	}
	for _, text := range []string{`[`, `"`, `{a`, `{"a",`, `{"a":01`, `{"a":1.}`, `{"a":-}`, `{"a":tru}`, `{"a":1}}`, `{"a":[1}`, `{"a":1,}`, `{"a":"` + "\n", `{"a":"\x`, `{}x`} {
		var p jsonPrefix
		if p.add([]byte(text)) {
			t.Errorf("%s is taken", text)
		}
	}
}
