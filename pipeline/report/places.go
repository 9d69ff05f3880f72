package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"fragua/pipeline"
)

// places draws a map of words: each stands where it lies.
func places(list []pipeline.Place) template.HTML {
	if len(list) == 0 {
		return ""
	}
	const w, h, edge = 760, 560, 40
	xs, ys := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for _, p := range list {
		xs.add(p.X)
		ys.add(p.Y)
	}
	xs, ys = xs.wide(), ys.wide()
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>words that are used alike lie together</figcaption><div class="scroll" tabindex="0" role="group" aria-label="map"><svg class="map" style="min-width: %dpx" viewBox="0 0 %d %d" role="img" aria-label="map of %d words">`, w, w, h, len(list)) // letters stay legible: a narrow window scrolls
	for _, p := range list {
		fmt.Fprintf(&b, `<text class="tick" text-anchor="middle" x="%.1f" y="%.1f">%s</text>`,
			edge+(p.X-xs.lo)/(xs.hi-xs.lo)*(w-2*edge), h-edge-(p.Y-ys.lo)/(ys.hi-ys.lo)*(h-2*edge), html.EscapeString(p.Label))
	}
	b.WriteString(`</svg></div></figure>`)
	return template.HTML(b.String())
}
