package extract

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"
)

// shape writes a tree as brackets: div(p("a") "b").
func shape(nodes []node, i int32) string {
	if nodes[i].isText() {
		return `"` + strings.TrimSpace(nodes[i].text) + `"`
	}
	var children []string
	for c := i + 1; c < nodes[i].end; c = nodes[c].end {
		if nodes[c].isText() && strings.TrimSpace(nodes[c].text) == "" {
			continue
		}
		children = append(children, shape(nodes, c))
	}
	name := or(nodes[i].custom, nodes[i].tag.String())
	if len(children) == 0 {
		return name
	}
	return name + "(" + strings.Join(children, " ") + ")"
}

func TestTree(t *testing.T) {
	for in, want := range map[string]string{
		`<head><title>a</title><p>b`:                   `html(head(title("a")) p("b"))`,
		`<head><noscript><link><div>b`:                 `html(head(noscript(link)) div("b"))`,
		`<p>a<p>b`:                                     `html(p("a") p("b"))`,
		`<p>a<div>b</div>c</p>d`:                       `html(p("a") div("b") "c" "d")`,
		`<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e`:      `html(ul(li("a") li("b" ul(li("c"))) li("d")) "e")`,
		`<dl><dt>a<dd>b<dt>c</dl>`:                     `html(dl(dt("a") dd("b") dt("c")))`,
		`<table><tr><td>a<td>b<tr><td>c</table>d`:      `html(table(tr(td("a") td("b")) tr(td("c"))) "d")`,
		`<div><table><tr><td>a</div>b</table>c</div>d`: `html(div(table(tr(td("a" "b"))) "c") "d")`,
		`<b>a<div>b</b>c</div>d`:                       `html(b("a" div("b" "c") "d"))`,
		`<a href=x>a<a href=y>b</a>`:                   `html(a("a") a("b"))`,
		`<h2>a</h3>b`:                                  `html(h2("a") "b")`,
		`<body class=x>a</body></html>b`:               `html(body("a" "b"))`,
		`a<br>b</br>c`:                                 `html("a" br "b" br "c")`,
		`<x-card><p>a</x-card>b`:                       `html(x-card(p("a")) "b")`,
		`<noscript><p>a &amp; b</noscript>c`:           `html(noscript(p("a & b")) "c")`,
		`<div><noscript></div><p>a</noscript>b</div>c`: `html(div(noscript(p("a")) "b") "c")`,
		`<script>if (a<b) "</p>"</script><p>c`:         `html(script("if (a<b) "</p>"") p("c"))`,
		`<select><option>a<option>b</select>c`:         `html(select(option("a") option("b")) "c")`,
		`<p>a<table><tr><td><p>b</table>c`:             `html(p("a") table(tr(td(p("b")))) "c")`,
	} {
		if got := shape(parseTree(in), 0); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// TestHostilePages holds that pages made to break parsers keep their text, in time
// and memory that grow with their size alone.
func TestHostilePages(t *testing.T) {
	const n = 20_000
	for name, page := range map[string]string{
		"deep":               strings.Repeat("<div>", 5*n) + "<p>The words in the middle stay." + strings.Repeat("</div>", 5*n),
		"deep, left open":    strings.Repeat("<b><div>", n) + "The words in the middle stay.",
		"deep tables":        strings.Repeat("<table><tr><td>", n) + "The words in the middle stay.",
		"deep custom":        strings.Repeat("<x-y>", n) + "The words in the middle stay." + strings.Repeat("</x-y>", n),
		"formatting":         strings.Repeat("<a><b><i><u><s><tt><big><small><em><strong><code><font><nobr><div>", n/20) + "The words in the middle stay.",
		"formatting, closed": strings.Repeat("<p><b><i><a>", n/4) + "The words in the middle stay." + strings.Repeat("</p></a></i>", n/4),
		"end tags":           "<div>" + strings.Repeat("<table><td><span>", 400) + strings.Repeat("</div>", n) + "The words in the middle stay.",
		"nested noscript":    strings.Repeat("<noscript>", n) + "The words in the middle stay.",
		"many open elements": strings.Repeat("<b>", 5000) + "The words in the middle stay." + strings.Repeat("<p>x", 5000),
		"many nodes":         strings.Repeat("<p>", maxNodes) + "The words in the middle stay." + strings.Repeat("<p>", 1000),
		"attributes":         "<p " + strings.Repeat("class=a ", n) + ">The words in the middle stay.",
		"deep data":          `<script type="application/ld+json">` + strings.Repeat("[", n) + "</script><p>The words in the middle stay.",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for _, f := range []func(context.Context, []byte) (Page, error){VisibleText, MainText, Markdown} {
			p, err := f(context.Background(), []byte(page))
			if err != nil || !strings.Contains(p.Text, "The words in the middle stay.") {
				t.Errorf("%s: %.80q, %v", name, p.Text, err)
			}
		}
		runtime.ReadMemStats(&after)
		t.Logf("%s: %d kB in %v, %d MB allocated", name, len(page)>>10, time.Since(start).Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
		if allocated, limit := int(after.TotalAlloc-before.TotalAlloc), 3*(400*len(page)+64<<20); allocated > limit {
			t.Errorf("%s: %d MB allocated for %d kB, want at most %d MB", name, allocated>>20, len(page)>>10, limit>>20)
		}
	}
}
