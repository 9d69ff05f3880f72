package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"fragua/pipeline"
)

// A picture's size and margins, in the units of its viewBox.
const (
	chartW, chartH                    = 760, 300
	chartL, chartR, chartT, chartFoot = 58, 16, 14, 40
)

// charts draws the curves of a stage, those with one Y together.
func charts(curves []pipeline.Curve) (out []template.HTML) {
	for rest := slices.Clone(curves); len(rest) > 0; {
		y, x := rest[0].Y, rest[0].X
		var mine []pipeline.Curve
		rest = slices.DeleteFunc(rest, func(c pipeline.Curve) bool {
			same := c.Y == y && c.X == x
			if same && len(c.Points) > 0 {
				mine = append(mine, c)
			}
			return same
		})
		if len(mine) > 0 {
			out = append(out, lines(mine))
		}
	}
	return out
}

// lines draws curves into one SVG picture. Colours are classes, so that the
// page's style decides about them in light and dark.
func lines(curves []pipeline.Curve) template.HTML {
	xs, ys := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	for _, c := range curves {
		for _, p := range c.Points {
			xs.add(p[0])
		}
	}
	for _, c := range curves {
		for _, v := range robust(c.Points) {
			ys.add(v)
		}
	}
	xs, ys = xs.wide(), ys.wide()
	xt, yt := ticks(xs, 6), ticks(ys, 5)
	ys = span{min(ys.lo, yt[0]), max(ys.hi, yt[len(yt)-1])}
	px := func(v float64) float64 { return chartL + (v-xs.lo)/(xs.hi-xs.lo)*(chartW-chartL-chartR) }
	py := func(v float64) float64 {
		return chartH - chartFoot - (v-ys.lo)/(ys.hi-ys.lo)*(chartH-chartT-chartFoot)
	}
	var b strings.Builder
	title := cmp.Or(curves[0].Y, curves[0].Name)
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartW, chartH, html.EscapeString(title))
	for _, v := range yt {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" text-anchor="end" x="%d" y="%.1f">%s</text>`,
			chartL, chartW-chartR, py(v), py(v), chartL-8, py(v)+4, number(v))
	}
	for _, v := range xt {
		fmt.Fprintf(&b, `<text class="tick" text-anchor="middle" x="%.1f" y="%d">%s</text>`, px(v), chartH-chartFoot+18, number(v))
	}
	fmt.Fprintf(&b, `<text class="axis" text-anchor="end" x="%d" y="%d">%s</text>`, chartW-chartR, chartH-4, html.EscapeString(curves[0].X))
	// An SVG inside cuts off what stands above the scale.
	const w, h = chartW - chartL - chartR, chartH - chartT - chartFoot
	fmt.Fprintf(&b, `<svg x="%d" y="%d" width="%d" height="%d" viewBox="%d %d %d %d">`, chartL, chartT, w, h, chartL, chartT, w, h)
	for i, c := range curves {
		points := slices.Clone(c.Points)
		class := fmt.Sprintf("line c%d", i%6)
		if len(points) <= 2 && flat(points) { // constant: a line across
			points = [][2]float64{{xs.lo, points[0][1]}, {xs.hi, points[0][1]}}
			class += " across"
		}
		fmt.Fprintf(&b, `<polyline class="%s" points="`, class)
		for j, p := range thin(points) {
			if j > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%.1f,%.1f", px(p[0]), py(p[1]))
		}
		fmt.Fprintf(&b, `"><title>%s: last %s</title></polyline>`, html.EscapeString(c.Name), number(points[len(points)-1][1]))
	}
	b.WriteString(`</svg></svg>`)
	legend := `<div class="legend">`
	for i, c := range curves {
		legend += fmt.Sprintf(`<span><i class="c%d"></i>%s <b>%s</b></span>`, i%6, html.EscapeString(c.Name), number(c.Points[len(c.Points)-1][1]))
	}
	return template.HTML(`<figure><figcaption>` + html.EscapeString(title) + `</figcaption>` + b.String() + legend + `</div></figure>`)
}

// robust returns the values that decide the height of a picture: without the
// first twentieth of a long curve, where a loss towers over what follows.
func robust(points [][2]float64) (v []float64) {
	if n := len(points); n >= 20 {
		points = points[n/20:]
	}
	for _, p := range points {
		v = append(v, p[1])
	}
	return v
}

// thin keeps at most about 800 points, the last among them.
func thin(points [][2]float64) (out [][2]float64) {
	step := (len(points) + 799) / 800
	for i := 0; i < len(points); i += step {
		out = append(out, points[i])
	}
	if last := points[len(points)-1]; out[len(out)-1] != last {
		out = append(out, last)
	}
	return out
}

func flat(points [][2]float64) bool { return points[0][1] == points[len(points)-1][1] }

type span struct{ lo, hi float64 }

func (s *span) add(v float64) { s.lo, s.hi = min(s.lo, v), max(s.hi, v) }

// wide makes room around a single value.
func (s span) wide() span {
	if s.lo < s.hi {
		return s
	}
	d := max(math.Abs(s.lo)/10, 0.5)
	return span{s.lo - d, s.hi + d}
}

// ticks returns about n round numbers inside a span.
func ticks(s span, n int) (out []float64) {
	step := math.Pow(10, math.Floor(math.Log10((s.hi-s.lo)/float64(n))))
	for _, f := range []float64{1, 2, 5, 10} {
		if (s.hi-s.lo)/(step*f) <= float64(n) {
			step *= f
			break
		}
	}
	for i := math.Ceil(s.lo/step - 1e-9); i*step <= s.hi+step*1e-9; i++ {
		out = append(out, i*step)
	}
	if len(out) == 0 {
		out = []float64{s.lo}
	}
	return out
}

// number prints a value for people: whole numbers in groups of three, others to
// four figures.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return grouped(int64(v))
	}
	if a := math.Abs(v); a >= 10000 {
		return grouped(int64(math.Round(v)))
	} else if a >= 1 {
		s := strconv.FormatFloat(v, 'f', max(0, 3-int(math.Log10(a))), 64)
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "\u202f" + s[i:] // a narrow space that does not break
	}
	return s
}
