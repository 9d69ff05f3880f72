package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"

	"fragua/pipeline"
)

// A size is a picture's width and height in pixels, with room for the numbers at
// its left and at its foot.
type size struct{ w, h, left, right, top, foot int }

// Text in a picture shrinks with it, so a narrow screen gets a picture of its own.
var (
	wideSize   = size{760, 300, 58, 16, 14, 40}
	narrowSize = size{340, 230, 52, 12, 14, 40}
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
			out = append(out, figure(mine))
		}
	}
	return out
}

// figure draws curves, for wide screens and for narrow ones, with their names and
// last values.
func figure(curves []pipeline.Curve) template.HTML {
	title := html.EscapeString(cmp.Or(curves[0].Y, curves[0].Name))
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>%s</figcaption>%s%s<div class="legend">`, title, lines(curves, wideSize, "wide"), lines(curves, narrowSize, "narrow"))
	for i, c := range curves {
		first, last := c.Points[0][1], c.Points[len(c.Points)-1][1]
		from := ""
		if first != last {
			from = " from " + number(first)
		}
		fmt.Fprintf(&b, `<span><i class="c%d"></i>%s <b>%s</b>%s</span> `, i%6, html.EscapeString(c.Name), number(last), from)
	}
	b.WriteString(`</div></figure>`)
	return template.HTML(b.String())
}

// lines draws curves into one SVG picture. Colours are classes, so that the
// page's style decides about them in light and dark.
func lines(curves []pipeline.Curve, at size, class string) string {
	xs, ys := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	log := curves[0].Log
	place := func(x float64) float64 { // on the axis, before it has a scale
		if log {
			return math.Log10(x)
		}
		return x
	}
	for _, c := range curves {
		for _, p := range c.Points {
			xs.add(place(p[0]))
		}
	}
	for _, c := range curves {
		for _, v := range robust(c.Points) {
			ys.add(v)
		}
	}
	long := xs.lo < xs.hi // some curve is more than a point
	xs, ys = xs.wide(), ys.wide()
	xt, yt := ticks(xs, min(6, at.w/60)), ticks(ys, 5)
	if log {
		xt = powers(xs, at.w/60)
	}
	ys = span{min(ys.lo, yt[0]), max(ys.hi, yt[len(yt)-1])}
	w, h := at.w-at.left-at.right, at.h-at.top-at.foot
	px := func(v float64) float64 { return float64(at.left) + (place(v)-xs.lo)/(xs.hi-xs.lo)*float64(w) }
	py := func(v float64) float64 { return float64(at.top+h) - (v-ys.lo)/(ys.hi-ys.lo)*float64(h) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %d %d" role="img" aria-label="%s">`, class, at.w, at.h, html.EscapeString(cmp.Or(curves[0].Y, curves[0].Name)))
	for _, v := range yt {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" text-anchor="end" x="%d" y="%.1f">%s</text>`,
			at.left, at.w-at.right, py(v), py(v), at.left-8, py(v)+4, number(v))
	}
	for i, v := range xt {
		anchor := "middle"
		if i == len(xt)-1 && px(v) > float64(at.w-at.right-14) { // its half would stand outside
			anchor = "end"
		}
		fmt.Fprintf(&b, `<text class="tick" text-anchor="%s" x="%.1f" y="%d">%s</text>`, anchor, px(v), at.h-at.foot+18, number(v))
	}
	fmt.Fprintf(&b, `<text class="axis" text-anchor="end" x="%d" y="%d">%s</text>`, at.w-at.right, at.h-4, html.EscapeString(curves[0].X))
	// An SVG inside cuts off what stands above the scale. Its margin leaves the
	// line at the edge its whole width.
	const edge = 3
	fmt.Fprintf(&b, `<svg x="%d" y="%d" width="%d" height="%d" viewBox="%[1]d %[2]d %[3]d %[4]d">`, at.left-edge, at.top-edge, w+2*edge, h+2*edge)
	for i, c := range curves {
		points := slices.Clone(c.Points)
		class := fmt.Sprintf("line c%d", i%6)
		name := fmt.Sprintf("<title>%s: last %s</title>", html.EscapeString(c.Name), number(points[len(points)-1][1]))
		if len(points) == 1 && !long { // nothing to connect
			fmt.Fprintf(&b, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="4">%s</circle>`, i%6, px(points[0][0]), py(points[0][1]), name)
			continue
		}
		if len(points) <= 2 && flat(points) { // constant: a line across
			lo, hi := xs.lo, xs.hi
			if log {
				lo, hi = math.Pow(10, lo), math.Pow(10, hi)
			}
			points = [][2]float64{{lo, points[0][1]}, {hi, points[0][1]}}
			class += " across"
		}
		fmt.Fprintf(&b, `<polyline class="%s" points="`, class)
		for j, p := range thin(points) {
			if j > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%.1f,%.1f", px(p[0]), py(p[1]))
		}
		fmt.Fprintf(&b, `">%s</polyline>`, name)
		if c.Dots {
			for _, p := range c.Points {
				fmt.Fprintf(&b, `<circle class="dot c%d" cx="%.1f" cy="%.1f" r="3.5"/>`, i%6, px(p[0]), py(p[1]))
			}
		}
	}
	b.WriteString(`</svg></svg>`)
	return b.String()
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

// thin keeps at most about 400 points, the last among them.
func thin(points [][2]float64) (out [][2]float64) {
	step := (len(points) + 399) / 400
	for i := 0; i < len(points); i += step {
		out = append(out, points[i])
	}
	if last := points[len(points)-1]; out[len(out)-1] != last {
		out = append(out, last)
	}
	return out
}

func flat(points [][2]float64) bool { return points[0][1] == points[len(points)-1][1] }

// powers returns round numbers inside a span of logarithms to the base of 10: 1, 2 and 5 of each power, or powers
// alone where these would be more than n.
func powers(s span, n int) (out []float64) {
	for _, digits := range [][]float64{{1, 2, 5}, {1}} {
		out = nil
		for p := math.Floor(s.lo); p <= s.hi; p++ {
			for _, d := range digits {
				if v := p + math.Log10(d); v >= s.lo-1e-9 && v <= s.hi+1e-9 {
					out = append(out, d*math.Pow(10, p))
				}
			}
		}
		if len(out) <= n {
			break
		}
	}
	if len(out) == 0 {
		out = []float64{math.Pow(10, s.lo)}
	}
	return out
}

type span struct{ lo, hi float64 }

func (s *span) add(v float64) { s.lo, s.hi = min(s.lo, v), max(s.hi, v) }

// wide makes room around a single value, on the side of zero where it stands.
func (s span) wide() span {
	if s.lo < s.hi {
		return s
	}
	d := math.Abs(s.lo) / 10
	if s.lo == 0 {
		return span{0, 1}
	}
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
