package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// histogram draws how values that are not negative spread. Bins grow as 1, 2, 5,
// 10, 20, 50 …, since lengths spread over orders of magnitude; shares, which are
// at most 1, have ten bins between the least and the greatest.
func histogram(title string, values []float64) template.HTML {
	if len(values) == 0 {
		return ""
	}
	of, start := binOf, binStart
	if least, most := slices.Min(values), slices.Max(values); most <= 1 && least < most {
		of = func(v float64) int { return min(9, int((v-least)/(most-least)*10)) }
		start = func(bin int) float64 { return least + (most-least)*float64(bin)/10 }
	}
	counts := map[int]int{}
	lo, hi := math.MaxInt, 0
	for _, v := range values {
		b := of(v)
		counts[b]++
		lo, hi = min(lo, b), max(hi, b)
	}
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	const height, foot, top, wide, least = 150, 24, 16, 56, 46 // least: pixels of a bin, below which the picture scrolls
	bins := hi - lo + 1
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>%s</figcaption><div class="scroll" tabindex="0" role="group" aria-label="chart"><svg class="bars" style="min-width: %dpx; max-width: %dpx" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		html.EscapeString(title), least*bins, wide*bins, wide*bins, height+foot+top, html.EscapeString(title))
	for bin := lo; bin <= hi; bin++ {
		n := counts[bin]
		x, h := wide*(bin-lo), float64(height)*float64(n)/float64(most)
		fmt.Fprintf(&b, `<text class="tick" text-anchor="start" x="%d" y="%d">%s</text>`, x+1, top+height+16, axis(start(bin)))
		if n == 0 {
			continue
		}
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%d" height="%.1f"><title>%s to %s: %s</title></rect>`,
			x+1, float64(top+height)-h, wide-2, h, number(start(bin)), number(start(bin+1)), Grouped(int64(n)))
		fmt.Fprintf(&b, `<text class="tick" text-anchor="middle" x="%d" y="%.1f">%s</text>`, x+wide/2, float64(top+height)-h-4, Grouped(int64(n)))
	}
	b.WriteString(`</svg></div></figure>`)
	return template.HTML(b.String())
}

// binOf returns the bin of a value: 0 for less than 1, then 1 to 2, 2 to 5, …
func binOf(v float64) int {
	bin := 0
	for v >= binStart(bin+1) && bin < 60 {
		bin++
	}
	return bin
}

// binStart is the least value of a bin.
func binStart(bin int) float64 {
	if bin == 0 {
		return 0
	}
	return []float64{1, 2, 5}[(bin-1)%3] * math.Pow(10, float64((bin-1)/3))
}

// axis prints 20,000 as 20k, and a share with two decimals.
func axis(v float64) string {
	switch {
	case v >= 1e9:
		return number(v/1e9) + "G"
	case v >= 1e6:
		return number(v/1e6) + "M"
	case v >= 1e3:
		return number(v/1e3) + "k"
	}
	if v < 1 && v > 0 {
		return fmt.Sprintf("%.2g", v)
	}
	return number(v)
}
