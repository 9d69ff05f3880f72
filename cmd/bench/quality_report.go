package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline/shard"
)

// table writes the results, the best first.
func table(w io.Writer, lines []resultLine, dir string) error {
	slices.SortStableFunc(lines, func(a, b resultLine) int { return int(math.Copysign(1, a.bits-b.bits)) })
	fmt.Fprintf(w, "| model | bits per byte, held-out books | parameters | tokens | CPU seconds |\n| --- | --- | --- | --- | --- |\n")
	number := func(x float64) string {
		if x == 0 {
			return ""
		}
		return fmt.Sprintf("%.4g", x)
	}
	for _, l := range lines {
		interval := ""
		if l.plusMinus > 0 {
			interval = fmt.Sprintf(" ± %.3f", l.plusMinus)
		}
		fmt.Fprintf(w, "| %s | %.3f%s | %s | %s | %.0f |\n", l.name, l.bits, interval, number(l.parameters), number(l.seen), l.cpu)
	}
	_, err := fmt.Fprintf(w, "\nthe plot: %s\n", filepath.Join(dir, "quality.svg"))
	return err
}

// plot draws bits per byte against tokens, with a level line for each model that has no curve.
func plot(name string, lines []resultLine) error {
	const width, height, left, right, top, bottom = 760.0, 420.0, 60.0, 20.0, 20.0, 50.0
	lowX, highX, lowY, highY := math.Inf(1), 1.0, math.Inf(1), 0.0
	for _, l := range lines {
		for _, p := range l.curve {
			lowX, highX = min(lowX, p[0]), max(highX, p[0])
			lowY, highY = min(lowY, p[1]), max(highY, p[1])
		}
		lowY, highY = min(lowY, l.bits), max(highY, l.bits)
	}
	lowX = min(lowX, highX/2)
	x := func(v float64) float64 {
		return left + (width-left-right)*math.Log(v/lowX)/math.Log(highX/lowX)
	}
	y := func(v float64) float64 {
		return height - bottom - (height-top-bottom)*(v-lowY)/max(highY-lowY, 1e-9)
	}
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12">`, width, height)
	p(`<rect width="100%%" height="100%%" fill="white"/>`)
	for i := range 6 {
		v := lowY + (highY-lowY)*float64(i)/5
		p(`<path d="M%g %.1fH%g" stroke="#ddd"/><text x="%g" y="%.1f" text-anchor="end">%.2f</text>`, left, y(v), width-right, left-6, y(v)+4, v)
	}
	for v := lowX; v <= highX*1.01; v *= 2 {
		p(`<text x="%.1f" y="%g" text-anchor="middle">%.3g</text>`, x(v), height-bottom+18, v)
	}
	p(`<text x="%g" y="%g" text-anchor="middle">tokens trained on</text>`, (left+width-right)/2, height-12)
	p(`<text x="14" y="%g" transform="rotate(-90 14 %g)" text-anchor="middle">bits per byte, held-out books</text>`, height/2, height/2)
	colors := []string{"#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#b45309", "#0f766e"}
	for i, l := range lines {
		color, at := colors[i%len(colors)], y(l.bits)
		if len(l.curve) > 0 {
			var d strings.Builder
			for k, q := range l.curve {
				fmt.Fprintf(&d, "%c%.1f %.1f", "ML"[min(k, 1)], x(q[0]), y(q[1]))
			}
			p(`<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`, d.String(), color)
		} else {
			p(`<path d="M%g %.1fH%g" stroke="%s" stroke-width="2" stroke-dasharray="6 4"/>`, left, at, width-right, color)
		}
		p(`<text x="%g" y="%.1f" text-anchor="end" fill="%s">%s %.3f</text>`, width-right, at-5, color, l.name, l.bits)
	}
	p(`</svg>`)
	return os.WriteFile(name, []byte(b.String()), 0o666)
}

// ppmdScript compresses the training text, then goes on with the held-out text: what that adds is its
// size by a model that has read the rest, and learns on.
const ppmdScript = `
import json, sys, time, pyppmd
train, held = (open(p, "rb").read() for p in sys.argv[1:3])
best, start = None, time.process_time()
for order in (5, 6, 8):
    e = pyppmd.Ppmd7Encoder(order, 1 << 30)
    before = len(e.encode(train))
    after = len(e.encode(held)) + len(e.flush())
    bits = 8 * after / len(held)
    best = min(best or (bits, order), (bits, order))
print(json.dumps({"bits": best[0], "order": best[1], "cpu": time.process_time() - start}))
`

// ppmd measures PPMd (Shkarin 2002), variant H as 7-Zip has it, by pyppmd on the same split.
func ppmd(ctx context.Context, python, run, dir string) (resultLine, error) {
	names := map[string]string{"train": filepath.Join(dir, "train.txt"), "validation": filepath.Join(dir, "validation.txt")}
	texts := map[string]*strings.Builder{"train": {}, "validation": {}}
	shards, err := filepath.Glob(filepath.Join(run, "split", "*.parquet"))
	if err != nil {
		return resultLine{}, err
	}
	type row struct {
		Text  string `parquet:"text"`
		Split string `parquet:"split"`
	}
	for _, name := range shards {
		for r, err := range shard.Read[row](name) {
			if err != nil {
				return resultLine{}, err
			}
			if b := texts[r.Split]; b != nil {
				b.WriteString(r.Text)
				b.WriteByte('\n')
			}
		}
	}
	for split, b := range texts {
		if err := os.WriteFile(names[split], []byte(b.String()), 0o666); err != nil {
			return resultLine{}, err
		}
	}
	c := exec.CommandContext(ctx, python, "-c", ppmdScript, names["train"], names["validation"])
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return resultLine{}, fmt.Errorf("PPMd by pyppmd: %w", err)
	}
	var got struct {
		Bits, CPU float64
		Order     int
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return resultLine{}, fmt.Errorf("PPMd by pyppmd: %w", err)
	}
	return resultLine{name: fmt.Sprintf("PPMd of order %d, which learns on as it reads", got.Order), bits: got.Bits, cpu: got.CPU}, nil
}
