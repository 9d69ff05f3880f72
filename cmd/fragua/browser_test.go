//go:build browser

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The browser test drives the studio in Chromium. .ci/browser installs what it needs and runs it:
//
//	go test -tags browser -run TestBrowser ./cmd/fragua -args -axe FILE/axe.min.js -screenshots DIR
var (
	axeFile     = flag.String("axe", "", "axe-core's axe.min.js, which checks accessibility")
	screenshots = flag.String("screenshots", "", "folder for pictures of every page")
	chromium    = flag.String("chromium", "chromium", "the browser")
)

// A browser is a tab that remembers what its console said.
type browser struct {
	*testing.T
	ctx  context.Context
	axe  string
	mu   sync.Mutex
	said []string
}

// smaller makes the quickstart a matter of seconds: the edits that a user might make.
var smaller = strings.NewReplacer("vocab_size: 4096", "vocab_size: 600", "{layers: 4, width: 192, heads: 4}", "{layers: 1, width: 64, heads: 2}",
	"steps: 350", "steps: 30", "epochs: 8", "epochs: 1", "pairs: 6000", "pairs: 300")

func TestBrowser(t *testing.T) {
	axe, err := os.ReadFile(*axeFile)
	if err != nil {
		t.Fatal("-axe FILE is needed: ", err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "fragua")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	address := startStudio(t, program, dir)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.ExecPath(*chromium), chromedp.WindowSize(1440, 900))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 25*time.Minute)
	defer cancel()
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as the context with which it starts
		t.Fatal(err)
	}
	b := &browser{T: t, ctx: ctx, axe: string(axe)}
	b.listen()
	host, _, _ := strings.Cut(address, "/?")

	b.do(chromedp.Navigate(address))
	b.look("home-empty")
	b.startRecipe("first", smaller)
	b.look("job-done")

	b.click(`#open`)
	b.look("run")
	b.click(`//a[text()='corpus']`)
	b.look("stage-corpus")
	b.click(`//a[contains(., 'min_alpha_words')]`) // the rule filters the rejects
	b.see("gopher_quality.min_alpha_words")
	b.look("rejects")
	b.do(chromedp.SetValue(`input[name=where]`, `value < 0.75`))
	b.click(`form.bar-form button`)
	b.see("min_alpha_words")
	b.click(`table tr:nth-child(2) td a`)
	b.see("What became of it")
	b.see("dropped")
	b.look("explain")

	// The same recipe once more with other settings, then both side by side.
	b.do(chromedp.Navigate(host + "/"))
	b.startRecipe("second", strings.NewReplacer("steps: 30", "steps: 20", "name: first", "name: second"))
	b.do(chromedp.Navigate(host + "/"))
	b.look("home")
	b.do(chromedp.Evaluate(`document.querySelectorAll("input[type=checkbox]").forEach(c => c.click())`, nil))
	b.click(`//button[contains(., 'Compare')]`)
	b.see("base.steps")
	b.look("compare")

	run := "?run=runs%2Ffirst&stage="
	b.do(chromedp.Navigate(host + "/play" + run + "translation"))
	b.do(chromedp.SetValue(`textarea[name=text]`, "The smith buys the red hammer."))
	b.click(`form[data-json] button`)
	b.do(chromedp.WaitVisible(`.answers table tr`))
	b.look("translate")
	b.do(chromedp.Navigate(host + "/play" + run + "sentiment"))
	b.do(chromedp.SetValue(`textarea[name=text]`, "A warm and funny book.\nDull."))
	b.click(`form[data-json] button`)
	b.do(chromedp.WaitVisible(`.answers table tr`))
	b.look("classify")
	b.do(chromedp.Navigate(host + "/play" + run + "base"))
	b.do(chromedp.SetValue(`textarea[name=text]`, "The light of the"))
	b.click(`form[data-stream] button`)
	b.wait(`document.querySelector("output.stream").textContent.length > 30`)
	b.look("generate")
	for name, path := range map[string]string{
		"rows": "/rows" + run + "corpus&sort=words&down=1", "row": "/row" + run + "split&row=3", "blocks": "/blocks" + run + "blocks", "stage-base": "/stage" + run + "base",
		"stage-sentiment": "/stage" + run + "sentiment", "stage-translation": "/stage" + run + "translation", "report": "/report?run=runs%2Ffirst",
		"recipe": "/recipe?name=quickstart",
	} {
		b.do(chromedp.Navigate(host + path))
		b.look(name)
	}
	if b.mu.Lock(); len(b.said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(b.said, "\n"))
	}
	b.mu.Unlock()
}

// startStudio starts the program in a folder without runs and returns the studio's address.
func startStudio(t *testing.T, program, dir string) string {
	studio := exec.Command(program, "studio")
	studio.Dir, studio.Stderr = dir, os.Stderr
	out, err := studio.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := studio.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		studio.Process.Signal(os.Interrupt)
		studio.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "open "))
}

// listen collects errors, warnings and exceptions of every page.
func (b *browser) listen() {
	say := func(format string, args ...any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said = append(b.said, fmt.Sprintf(format, args...))
	}
	chromedp.ListenTarget(b.ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			say("%s: %s", e.ExceptionDetails.URL, e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
				for _, a := range e.Args {
					say("%s %s %s", e.Type, a.Value, a.Description)
				}
			}
		case *log.EventEntryAdded: // a breach of the content security policy, what was not found
			say("%s: %s", e.Entry.URL, e.Entry.Text)
		}
	})
	b.do(log.Enable())
}

func (b *browser) do(actions ...chromedp.Action) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 4*time.Minute)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var at, text string
		chromedp.Run(b.ctx, chromedp.Location(&at), chromedp.Text("body", &text))
		b.Fatalf("%v\nat %s:\n%.2000s", err, at, text)
	}
}

// click clicks what is found and waits for what it opens.
func (b *browser) click(sel string) {
	b.Helper()
	b.do(chromedp.WaitVisible(sel))
	if err := chromedp.Run(b.ctx, chromedp.Click(sel)); err != nil && !strings.Contains(err.Error(), "(-32000)") { // the page may go while it is clicked
		b.Fatal(err)
	}
	b.wait(`document.readyState == "complete" && document.querySelector("main") != null`)
}

func (b *browser) see(text string) {
	b.Helper()
	b.wait(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// wait polls until an expression is true. A page that is left while it is asked is asked again.
func (b *browser) wait(expression string) {
	b.Helper()
	poll := chromedp.Poll(expression, nil, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(3*time.Minute))
	for range 20 {
		if err := chromedp.Run(b.ctx, poll); err == nil || !strings.Contains(err.Error(), "(-32000)") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.do(poll)
}

// startRecipe edits a recipe, has it checked, starts it and sees it end.
func (b *browser) startRecipe(name string, edit *strings.Replacer) {
	b.Helper()
	var source string
	if name == "first" {
		b.click(`//a[text()='quickstart']`)
	} else { // from the run that is there
		b.click(`//td/a[text()='first']`)
		b.click(`//a[text()='configuration']`)
	}
	b.do(chromedp.Value(`textarea[name=source]`, &source))
	edited := edit.Replace(source)
	if edited == source {
		b.Fatal("the edit changes nothing")
	}
	b.do(chromedp.SetValue(`textarea[name=source]`, edited+"\nnosuch: 1\n"), chromedp.Click(`[data-check]`))
	b.see("nosuch")
	b.do(chromedp.SetValue(`textarea[name=source]`, edited), chromedp.Click(`[data-check]`))
	b.see("No fault.")
	if name == "first" {
		b.look("recipe-checked")
	}
	b.do(chromedp.SetValue(`input[name=name]`, name))
	b.click(`//button[text()='Start']`)
	b.do(chromedp.WaitVisible(`#at`))
	b.look("job-" + name)
	b.wait(`!document.querySelector("#open").hidden`)
	b.see("done")
}

// look checks the page at every size and in both colours: nothing sticks out at the side, axe's
// rules hold, letters can be read. It keeps a picture where it is asked to.
func (b *browser) look(name string) {
	b.Helper()
	for _, width := range []int64{1440, 390} {
		for _, scheme := range []string{"light", "dark"} {
			var out struct {
				Wide  []string
				Small []string
				Axe   []string
			}
			var raw string
			b.do(chromedp.EmulateViewport(width, 900),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
				chromedp.Evaluate(b.axe, nil),
				chromedp.Evaluate(examine, &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
			if err := json.Unmarshal([]byte(raw), &out); err != nil {
				b.Fatal(err, raw)
			}
			for _, fault := range append(append(out.Wide, out.Small...), out.Axe...) {
				b.Errorf("%s, %d pixels, %s: %s", name, width, scheme, fault)
			}
			if *screenshots == "" {
				continue
			}
			var png []byte
			b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
				png, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx)
				return err
			}))
			if err := os.WriteFile(filepath.Join(*screenshots, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), png, 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// examine finds what sticks out, text below 9 pixels, and axe's violations.
const examine = `(async () => {
  const out = {Wide: [], Small: [], Axe: []}, root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    out.Wide.push("the page is " + root.scrollWidth + " pixels wide");
    for (const e of document.querySelectorAll("main *")) {
      const r = e.getBoundingClientRect();
      if (r.right > root.clientWidth + 1 && !e.closest(".scroll")) out.Wide.push(e.tagName + "." + e.className + " ends at " + Math.round(r.right));
    }
  }
  const seen = new Set();
  for (const e of document.querySelectorAll("main *")) {
    if (!e.textContent.trim() || e.children.length) continue;
    let size = parseFloat(getComputedStyle(e).fontSize);
    const svg = e.ownerSVGElement;
    if (svg) size *= svg.getScreenCTM().a;
    if (size < 9 && !seen.has(e.tagName)) { seen.add(e.tagName); out.Small.push(e.tagName + " has letters of " + size.toFixed(1) + " pixels: " + e.textContent.slice(0, 40)); }
  }
  const r = await axe.run(document, {iframes: false});
  for (const v of r.violations) out.Axe.push(v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + " " + (n.any[0] || {}).message).join(" | "));
  return JSON.stringify(out);
})()`
