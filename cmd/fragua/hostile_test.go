package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fragua/cmd/fragua/studio"
	"fragua/configs"
	"fragua/pipeline"
	"fragua/pipeline/report"
)

// hostile is text that would do harm where it is not kept as text: it closes a script, opens an
// element, ends a line of JavaScript, steers a terminal, ends an attribute.
const hostile = "</script></title><img src=x onerror=alert(1)>\u2028\x1b[31m\x1b]0;owned\x07\"'`{{.}}\u202e"

const hostileRecipe = `
stages:
  - name: docs
    use: ingest
    with: {sources: [{jsonl: {path: docs.jsonl, title: title, url: url}}], steps: [{length: {min_words: 3}}]}
  - {name: reviews, use: label, with: {data: [{table: {path: reviews.jsonl}}], text: text, label: label, split: {validation: 0.2, test: 0.3}}}
  - {name: opinion, use: finetune, from: [reviews], with: {goal: {sentiment: {too_long: keep_end}}, strategy: ngrams}}
`

func hostileRun(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	lines := func(name string, rows ...map[string]any) {
		var b bytes.Buffer
		for _, row := range rows {
			line, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lines("docs.jsonl", map[string]any{"text": "A text with enough words. " + hostile, "title": hostile, "url": "javascript:alert(1)", hostile: hostile},
		map[string]any{"text": hostile, "title": hostile})
	var reviews []map[string]any
	for i := range 40 {
		// Some are wrong, so that the report shows texts behind the confusion matrix.
		reviews = append(reviews, map[string]any{"text": fmt.Sprintf("fine work %d %s", i%7, hostile), "label": []string{"good" + hostile, "bad"}[i%2]})
	}
	lines("reviews.jsonl", reviews...)
	cfg, err := pipeline.Parse("hostile.yaml", []byte(hostileRecipe), dir, stages, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "runs", "hostile")
	if _, err := pipeline.Run(t.Context(), cfg, pipeline.Options{Out: out, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHostileText: a text, a title, a label or the name of a column changes nothing but its own text
// in the report, in the studio and on a terminal.
func TestHostileText(t *testing.T) {
	run := hostileRun(t)
	dir, err := pipeline.OpenRun(run)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := report.Write(&page, dir); err != nil {
		t.Fatal(err)
	}
	harmless(t, "report", page.String(), 0)

	token := studio.NewToken()
	handler, err := studio.New(studio.Options{Runs: []string{run}, Table: stages, Recipes: configs.Recipes(), Token: token, Verify: verifyResult, Open: readModel, Generate: generate})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	q := "?run=" + url.QueryEscape(run) + "&stage="
	for _, path := range []string{"/?token=" + token, "/run" + q, "/stage" + q + "docs", "/stage" + q + "opinion", "/rows" + q + "docs", "/rows" + q + "docs&set=rejects", "/row" + q + "docs&row=0",
		"/row" + q + "docs&set=rejects&row=0", "/rows" + q + "opinion", "/rows" + q + "reviews", "/rows" + q + "docs&where=" + url.QueryEscape(hostile), "/rows" + q + "docs&find=" + url.QueryEscape(hostile),
		"/recipe" + q, "/compare" + q, "/run?run=" + url.QueryEscape(hostile), "/recipe?name=" + url.QueryEscape(hostile)} {
		w, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		b.ReadFrom(w.Body)
		w.Body.Close()
		harmless(t, path, b.String(), 1)
		if strings.Contains(path, "/rows"+q+"docs") && !strings.Contains(path, "&") && !strings.Contains(b.String(), "&lt;/script&gt;") {
			t.Errorf("%s does not show the text", path)
		}
	}

	docs := filepath.Join(run, "docs")
	for _, args := range [][]string{{"inspect", docs}, {"inspect", docs + "/part-00000.parquet"}, {"inspect", docs, "--where", "true"}, {"inspect", docs, "--row", "0"}, {"inspect", docs, "--csv"},
		{"inspect", docs, "--top", "title"}, {"inspect", filepath.Join(run, "opinion")}, {"inspect", filepath.Join(run, "reviews"), "--top", "labels"}, {"explain", run, hostile}, {"explain", run, "javascript:alert(1)"},
		{"inspect", docs, "--where", hostile}, {"inspect", hostile}} {
		var out bytes.Buffer
		w := printableWriter{&out}
		if err := newApp(w, w).RunContext(t.Context(), append([]string{"fragua"}, args...)); err != nil {
			printError(w, err)
		}
		if i := strings.IndexAny(out.String(), "\x1b\a\u2028\u202e"); i >= 0 {
			t.Errorf("fragua %.40q: %q steers the terminal", args, out.String()[max(0, i-20):i+10])
		}
	}
}

// harmless says what a page holds that its own templates do not write.
func harmless(t *testing.T, name, page string, scripts int) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "img", "object", "embed":
			t.Errorf("%s: an element %s", name, n.Data)
		case "script":
			scripts--
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") && a.Key != "value" {
				t.Errorf("%s: %s %s=%q", name, n.Data, a.Key, a.Val)
			}
		}
	}
	if scripts != 0 {
		t.Errorf("%s: %d scripts more than its own", name, -scripts)
	}
}
