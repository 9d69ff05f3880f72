package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fragua/cmd/fragua/studio"
	"fragua/configs"
	"fragua/pipeline"
)

const studioRecipe = `
stages:
  - name: docs
    use: ingest
    with:
      sources: [{jsonl: {path: docs.jsonl, title: title}}]
      steps: [{length: {min_words: 3}}]
  - {name: split, use: mix, from: [docs], with: {validation: 0.2, test: 0, group_by: id}}
  - {name: bpe, use: tokenizer, from: [split], with: {vocab_size: 300}}
  - {name: blocks, use: pack, from: [split, bpe], with: {context: 8}}
  - name: base
    use: pretrain
    from: [blocks]
    with: {arch: {gpt: {layers: 1, width: 16, heads: 1}}, steps: 2, batch: 2}
`

// studioRun makes a small run with a document that a rule dropped, and a title
// that would do harm as HTML.
func studioRun(t *testing.T) (runs string) {
	t.Helper()
	dir := t.TempDir()
	runs = filepath.Join(dir, "runs")
	var docs strings.Builder
	for range 30 {
		docs.WriteString(`{"text": "The smith strikes the iron and the iron sings under the hammer.", "title": "<img src=x onerror=alert(1)>"}` + "\n")
	}
	docs.WriteString(`{"text": "Too short.", "title": "short one"}` + "\n")
	os.WriteFile(filepath.Join(dir, "docs.jsonl"), []byte(docs.String()), 0o644)
	cfg, err := pipeline.Parse("small.yaml", []byte(studioRecipe), dir, stages, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(t.Context(), cfg, pipeline.Options{Out: filepath.Join(runs, "small"), Workers: 1}); err != nil {
		t.Fatal(err)
	}
	return runs
}

func TestStudio(t *testing.T) {
	runs := studioRun(t)
	token := studio.NewToken()
	program, err := os.Executable() // told to run no test, it ends at once
	if err != nil {
		t.Fatal(err)
	}
	recipes := t.TempDir()
	handler, err := studio.New(studio.Options{Runs: []string{runs}, Table: stages, Recipes: configs.Recipes(), Token: token,
		Program: []string{program, "-test.run=^$"}, Verify: verifyResult, Open: readModel, Generate: generate, Sample: func(string, string) (string, error) { return recipes, nil }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar, Timeout: time.Minute}
	ask := func(method, path string, form url.Values, header ...string) (int, string) {
		t.Helper()
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		req, err := http.NewRequestWithContext(context.Background(), method, server.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for i := 0; i+1 < len(header); i += 2 {
			if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
				req.Host = header[i+1]
			}
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	if code, _ := ask("GET", "/", nil); code != http.StatusForbidden {
		t.Errorf("without the token: %d", code)
	}
	if code, _ := ask("GET", "/?token="+strings.Repeat("0", 32), nil); code != http.StatusForbidden {
		t.Errorf("with another token: %d", code)
	}
	if code, page := ask("GET", "/?token="+token, nil); code != 200 || strings.Contains(page, token) {
		t.Errorf("with the token: %d", code)
	}
	run := url.QueryEscape(filepath.Join(runs, "small"))
	at := func(page, stage, more string) string { return "/" + page + "?run=" + run + "&stage=" + stage + more }
	for path, wants := range map[string][]string{
		"/":                                                 {"small", "quickstart", "Compare those chosen"},
		at("run", "", ""):                                   {"30 rows", "1 dropped", "tokens", "play", "<iframe"},
		at("report", "", ""):                                {"length.min_words"},
		at("stage", "docs", ""):                             {"length.min_words", "part-00000.parquet"},
		at("stage", "base", ""):                             {"bits per byte", "<svg"},
		at("rows", "docs", ""):                              {"The smith strikes", "&lt;img"},
		at("rows", "docs", "&set=rejects"):                  {"short one", "length.min_words"},
		at("rows", "docs", "&where=words+%3E+100"):          {"No row matches"},
		at("rows", "docs", "&where=wrods+%3E+100"):          {"unknown name wrods"},
		at("rows", "docs", "&find=SINGS&sort=words&down=1"): {"The smith strikes", "words ↓"},
		at("row", "docs", "&row=2"):                         {"What became of it", "kept, 12 words"},
		at("row", "docs", "&set=rejects&row=0"):             {"Too short.", "length"},
		at("blocks", "blocks", ""):                          {"▌", `title="id `},
		at("compare", "", ""):                               {"Settings that differ"},
		at("play", "base", ""):                              {"Go on with a text"},
		"/recipe?name=quickstart":                           {"use: ingest"},
		at("recipe", "", ""):                                {"min_words: 3"},
	} {
		code, page := ask("GET", path, nil)
		if code != 200 {
			t.Errorf("%s: %d: %s", path, code, page)
		}
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		if strings.Contains(page, "<img") || strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: a title is obeyed as HTML", path)
		}
	}
	for path, want := range map[string]int{"/run?run=%2Fetc": 404, at("stage", "none", ""): 404, at("row", "docs", "&row=99"): 404, "/none": 404} {
		if code, _ := ask("GET", path, nil); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	model := url.Values{"run": {filepath.Join(runs, "small")}, "stage": {"base"}, "text": {"The"}, "tokens": {"5"}}
	if code, text := ask("POST", "/play/generate", model); code != 200 || !strings.HasPrefix(text, "The") || len(text) < 5 {
		t.Errorf("generate: %d %q", code, text)
	}
	if code, text := ask("POST", "/play/neighbors", model); code != 200 || !strings.Contains(text, "cosine") {
		t.Errorf("neighbours: %d %q", code, text)
	}
	if code, text := ask("POST", "/play/answer", model); code != 400 || !strings.Contains(text, "generates") {
		t.Errorf("a language model asked for an answer: %d %q", code, text)
	}
	if code, text := ask("POST", "/recipe/check", url.Values{"source": {"stages: [{name: x, use: igest}]"}}); code != 200 || !strings.Contains(text, `did you mean`) {
		t.Errorf("check: %d %q", code, text)
	}
	for _, header := range [][]string{{"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Host", "evil.example"}} {
		if code, _ := ask("POST", "/recipe/check", url.Values{"source": {""}}, header...); code != http.StatusForbidden {
			t.Errorf("with %v: %d", header, code)
		}
	}
	start := url.Values{"name": {"mine"}, "source": {studioRecipe}, "recipe": {"books"}}
	if code, page := ask("POST", "/recipe/start", start); code != 200 || !strings.Contains(page, "mine") {
		t.Errorf("start: %d %s", code, page)
	}
	if b, err := os.ReadFile(filepath.Join(recipes, "mine.yaml")); err != nil || string(b) != studioRecipe {
		t.Errorf("the edited recipe does not lie where its paths resolve: %v", err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, state := ask("GET", "/job/state?id=0", nil); strings.Contains(state, `"end":"done"`) {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the job does not end: %s", state)
		}
	}
	start.Set("source", studioRecipe+"# another\n")
	if code, page := ask("POST", "/recipe/start", start); code != 400 || !strings.Contains(page, "says something else") {
		t.Errorf("a file of the user is overwritten: %d", code)
	}
	if code, _ := ask("POST", "/recipe/start", url.Values{"name": {"../x"}, "source": {studioRecipe}}); code != 400 {
		t.Errorf("a name that leaves the folder: %d", code)
	}
}
