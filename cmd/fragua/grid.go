package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v4"

	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/report"
)

// A gridAxis is a setting of a finetune stage and the values that it takes one after another.
type gridAxis struct {
	key    string
	values []string
}

// gridAxes reads --grid KEY=VALUE,VALUE….
func gridAxes(args []string) (axes []gridAxis, err error) {
	for _, a := range args {
		key, list, ok := strings.Cut(a, "=")
		values := strings.Split(list, ",")
		if !ok || key == "" || len(values) < 2 || slices.Contains(values, "") {
			return nil, fault.Hintf(usage("--grid %s", a), "a setting and the values to compare: --grid lr=1e-4,3e-4 --grid seed=1,2,3")
		}
		axes = append(axes, gridAxis{key, values})
	}
	return axes, nil
}

// mostVariants bounds a grid: each of its variants is a training.
const mostVariants = 64

// A variant is a stage of the grid and the settings that make it.
type variant struct {
	stage  string
	values []string // of each axis
}

// variants are all combinations, the last axis fastest.
func variants(stage string, axes []gridAxis) (out []variant, err error) {
	out = []variant{{}}
	for _, a := range axes {
		var next []variant
		for _, v := range out {
			for _, value := range a.values {
				next = append(next, variant{values: append(slices.Clone(v.values), value)})
			}
		}
		if out = next; len(out) > mostVariants {
			return nil, usage("--grid asks for more than %d trainings", mostVariants)
		}
	}
	for i := range out {
		out[i].stage = fmt.Sprintf("%s-%d", stage, i+1)
	}
	return out, nil
}

// gridConfig puts the variants in the place of a stage, and leaves out what comes after it. What the
// stage reads is made once for all. sets are those of the command line, which hold for each variant.
func gridConfig(src []byte, stage string, axes []gridAxis, all []variant, sets []string) ([]byte, []string, error) {
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		return nil, nil, err
	}
	list := child(doc.Content[0], "stages")
	for i, node := range list.Content {
		if name := child(node, "name"); name == nil || name.Value != stage {
			continue
		}
		list.Content = list.Content[:i]
		for _, v := range all {
			var copied yaml.Node
			b, err := yaml.Marshal(node)
			if err == nil {
				err = yaml.Load(b, &copied)
			}
			if err != nil {
				return nil, nil, err
			}
			child(copied.Content[0], "name").Value = v.stage
			list.Content = append(list.Content, copied.Content[0])
		}
		break
	}
	var out []string
	for _, s := range sets {
		key, ok := strings.CutPrefix(s, stage+".")
		if !ok {
			out = append(out, s)
			continue
		}
		for _, v := range all {
			out = append(out, v.stage+"."+key)
		}
	}
	for _, v := range all {
		for k, a := range axes {
			out = append(out, v.stage+"."+a.key+"="+v.values[k])
		}
	}
	b, err := yaml.Marshal(&doc)
	return b, out, err
}

// child is the value of a key of a map, nil if there is none.
func child(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// gridAction trains the variants of a configuration's finetune stage and sets them side by side.
func gridAction(c *cli.Context) error {
	axes, err := gridAxes(c.StringSlice("grid"))
	if err != nil {
		return err
	}
	r, arg, out, err := finetuneRecipe(c)
	if err != nil {
		return err
	}
	cfg, err := r.parse(c.StringSlice("set"))
	if err != nil {
		return err
	}
	entry, err := finetuneStage(cfg, "")
	if err != nil {
		return err
	}
	all, err := variants(entry.Name, axes)
	if err != nil {
		return err
	}
	var sets []string
	if r.src, sets, err = gridConfig(r.src, entry.Name, axes, all, c.StringSlice("set")); err != nil {
		return err
	}
	job, err := r.jobWith(c, arg, out, sets)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return job.plan(c)
	}
	began := time.Now()
	res, err := job.execute(c)
	if err != nil {
		return err
	}
	if _, err := report.Create(job.options.Out); err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, gridTable(axes, all, res))
	fmt.Fprintf(c.App.Writer, "%s in %s; all of it in %s\n", plural(len(all), "training"), time.Since(began).Round(time.Second), job.options.Out)
	return nil
}

// gridTable is a row a variant: its settings, what validation says and the headline figures. Where
// seeds are compared, a row for each of the other settings has the mean and the standard deviation.
func gridTable(axes []gridAxis, all []variant, res *pipeline.Result) string {
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	figures := map[string][]pipeline.Figure{}
	var names []string // of the figures, validation's first
	for _, s := range res.Stages {
		m, err := pipeline.ReadMetrics(s.Dir.Path)
		if err != nil {
			continue // it measures nothing
		}
		for _, f := range m.Figures {
			best := strings.HasPrefix(f.Name, "best ")
			baseline := slices.ContainsFunc(figures[s.Name], func(g pipeline.Figure) bool { return g.Name == f.Name })
			if !best && !f.Headline || baseline {
				continue
			}
			figures[s.Name] = append(figures[s.Name], f)
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return int(bit(!strings.HasPrefix(a, "best "))) - int(bit(!strings.HasPrefix(b, "best ")))
	})
	header := table.Row{"stage"}
	for _, a := range axes {
		header = append(header, a.key)
	}
	for _, n := range names {
		header = append(header, n)
	}
	w.AppendHeader(header)
	groups := map[string][]variant{}
	var order []string
	for _, v := range all {
		row := table.Row{v.stage}
		group := ""
		for k, value := range v.values {
			row = append(row, value)
			if axes[k].key != "seed" {
				group += "\x00" + value
			}
		}
		if groups[group] == nil {
			order = append(order, group)
		}
		groups[group] = append(groups[group], v)
		for _, n := range names {
			cell := ""
			if f, ok := figureOf(figures[v.stage], n); ok {
				cell = fmt.Sprintf("%.4f", f.Value)
				if f.PlusMinus > 0 {
					cell += fmt.Sprintf(" ± %.4f", f.PlusMinus)
				}
			}
			row = append(row, cell)
		}
		w.AppendRow(row)
	}
	if slices.ContainsFunc(axes, func(a gridAxis) bool { return a.key == "seed" }) {
		w.AppendSeparator()
		for _, g := range order {
			row := table.Row{fmt.Sprintf("mean of %d", len(groups[g]))}
			for k, a := range axes {
				value := groups[g][0].values[k]
				if a.key == "seed" {
					value = ""
				}
				row = append(row, value)
			}
			for _, n := range names {
				row = append(row, spreadOf(groups[g], figures, n))
			}
			w.AppendRow(row)
		}
	}
	return w.Render()
}

func figureOf(figures []pipeline.Figure, name string) (pipeline.Figure, bool) {
	i := slices.IndexFunc(figures, func(f pipeline.Figure) bool { return f.Name == name })
	if i < 0 {
		return pipeline.Figure{}, false
	}
	return figures[i], true
}

// spreadOf is the mean of a figure over variants, and its standard deviation.
func spreadOf(group []variant, figures map[string][]pipeline.Figure, name string) string {
	var values []float64
	sum := 0.0
	for _, v := range group {
		if f, ok := figureOf(figures[v.stage], name); ok {
			values, sum = append(values, f.Value), sum+f.Value
		}
	}
	if len(values) < 2 {
		return ""
	}
	mean, squares := sum/float64(len(values)), 0.0
	for _, x := range values {
		squares += (x - mean) * (x - mean)
	}
	return fmt.Sprintf("%.4f, sd %.4f", mean, math.Sqrt(squares/float64(len(values)-1)))
}
