package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fragua/cmd/fragua/export"
	"fragua/cmd/fragua/serve"
	"fragua/pipeline"
)

const servedRecipe = `
stages:
  - {name: docs, use: ingest, with: {sources: [{jsonl: {path: docs.jsonl}}], steps: []}}
  - {name: split, use: mix, from: [docs], with: {validation: 0.2, test: 0, group_by: id}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 300}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 64}}
  - {name: base, use: pretrain, from: [blocks], with: {arch: {gpt: {layers: 1, width: 16, heads: 1}}, steps: 2, batch: 2}}
  - {name: reviews, use: label, with: {data: [{table: {path: reviews.csv}}], text: text, label: label, split: {validation: 0.2, test: 0.2}}}
  - {name: sentiment, use: finetune, from: [base, reviews], with: {goal: {sentiment: {too_long: keep_end}}, epochs: 1, batch: 8, strategy: finetuned}}
  - {name: pairs, use: label, with: {data: [{table: {path: pairs.csv}}], source: en, target: es, split: {validation: 0.2, test: 0.2}}}
  - {name: translation, use: finetune, from: [base, pairs], with: {goal: {translation: {too_long: drop}}, epochs: 1, batch: 8}}
`

// servedRun makes a run with a base model, a classifier and a translator, all of them very small.
func servedRun(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var docs, reviews, pairs strings.Builder
	reviews.WriteString("text,label\n")
	pairs.WriteString("en,es\n")
	for i := range 40 {
		fmt.Fprintf(&docs, `{"text": "The smith strikes the iron %d times and the iron sings."}`+"\n", i)
		fmt.Fprintf(&reviews, "a good book number %d,good\na bad book number %d,bad\n", i, i)
		fmt.Fprintf(&pairs, "the house %d,la casa %d\n", i, i)
	}
	for name, text := range map[string]string{"docs.jsonl": docs.String(), "reviews.csv": reviews.String(), "pairs.csv": pairs.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := pipeline.Parse("small.yaml", []byte(servedRecipe), dir, stages, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "run")
	if _, err := pipeline.Run(t.Context(), cfg, pipeline.Options{Out: out, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestServeTuned: what was fine-tuned answers over HTTP as it does on the command line; JSON that is
// asked for is JSON; a full queue refuses at once and loses nothing of what it took.
func TestServeTuned(t *testing.T) {
	run := servedRun(t)
	chat := filepath.Join(t.TempDir(), "chat")
	if err := export.Folder(filepath.Join(run, "base"), chat, "float32"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(chat, "chat_template.jinja"), []byte(`{% for m in messages %}{{ m['content'] }}{% endfor %}`), 0o644); err != nil {
		t.Fatal(err)
	}
	o := serve.Options{Slots: 1, Queue: 2, Body: 1 << 20, Timeout: time.Minute}
	for _, dir := range []string{filepath.Join(run, "base"), filepath.Join(run, "sentiment"), filepath.Join(run, "translation"), chat} {
		m, err := serve.Open(dir, "f32", "")
		if err != nil {
			t.Fatal(err)
		}
		o.Models = append(o.Models, m)
	}
	s, err := serve.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := httptest.NewServer(s)
	defer h.Close()
	ask := func(path, body string) (int, map[string]any) {
		w, err := http.Post(h.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, nil
		}
		defer w.Body.Close()
		var v map[string]any
		if err := json.NewDecoder(w.Body).Decode(&v); err != nil {
			t.Error(err)
		}
		return w.StatusCode, v
	}

	status, v := ask("/classify", `{"model": "sentiment", "input": ["a good book", "a bad book"]}`)
	data, _ := v["data"].([]any)
	if status != 200 || len(data) != 2 {
		t.Fatal(status, v)
	}
	for _, x := range data {
		row := x.(map[string]any)
		probs := row["probabilities"].(map[string]any)
		good, bad := probs["good"].(float64), probs["bad"].(float64)
		if math.Abs(good+bad-1) > 1e-5 || row["label"] == "good" != (good > bad) {
			t.Errorf("%v", row)
		}
	}
	status, v = ask("/translate", `{"model": "translation", "input": "the house 7"}`)
	if data, _ = v["data"].([]any); status != 200 || len(data) != 1 {
		t.Fatal(status, v)
	}
	if _, is := data[0].(map[string]any)["translation"].(string); !is {
		t.Error(data)
	}
	if status, v = ask("/translate", `{"model": "sentiment", "input": "x"}`); status != 400 {
		t.Error(status, v)
	}
	if status, v = ask("/translate", `{"model": "translation", "input": "`+strings.Repeat("the house ", 100)+`"}`); status != 400 || !strings.Contains(fmt.Sprint(v), "longer than the model's context") {
		t.Error(status, v)
	}

	// A model that knows nothing of JSON writes JSON all the same.
	for seed := range 5 {
		status, v = ask("/v1/chat/completions", fmt.Sprintf(`{"model": "chat", "messages": [{"role": "user", "content": "x"}], "max_tokens": 60, "seed": %d, "response_format": {"type": "json_object"}}`, seed))
		if status != 200 {
			t.Fatal(status, v)
		}
		c := v["choices"].([]any)[0].(map[string]any)
		text := c["message"].(map[string]any)["content"].(string)
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil && c["finish_reason"] == "stop" || !strings.HasPrefix(text, "{") {
			t.Errorf("seed %d: %v", seed, c)
		}
	}

	// One slot and two places to wait: of many at once some are refused, each with 429 and when to
	// ask again; what was taken is whole. A fast machine may serve a burst in time: then another comes.
	var mu sync.Mutex
	by, asked := map[int]int{}, 0
	for burst := 0; burst < 50 && by[429] == 0; burst++ {
		var all sync.WaitGroup
		for range 24 {
			asked++
			all.Go(func() {
				status, v := ask("/v1/completions", `{"model": "base", "prompt": "The", "max_tokens": 50, "temperature": 0}`)
				mu.Lock()
				defer mu.Unlock()
				if by[status]++; status == 429 && !strings.Contains(fmt.Sprint(v), "ask again") || status == 200 && v["usage"].(map[string]any)["completion_tokens"].(float64) == 0 {
					t.Error(status, v)
				}
			})
		}
		all.Wait()
	}
	if by[200] < 1 || by[429] < 1 || by[200]+by[429] != asked {
		t.Errorf("answers by status: %v", by)
	}
}
