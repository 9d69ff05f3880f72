package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"fragua/cmd/internal/trial"
	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/model/train"
	"fragua/pipeline/fault"
)

func benchCommand() *cli.Command {
	presets := strings.Join(slices.Sorted(maps.Keys(trial.Presets())), ", ")
	work := []cli.Flag{
		&cli.StringFlag{Name: "preset", Value: "a", Usage: "what the other flags change: " + presets + " (b is GPT-2 of 124M)"},
		&cli.StringFlag{Name: "arch", Usage: "gpt, llama or lstm"},
		&cli.IntFlag{Name: "layers"}, &cli.IntFlag{Name: "width"}, &cli.IntFlag{Name: "heads"}, &cli.IntFlag{Name: "hidden", Usage: "width inside (llama, lstm)"},
		&cli.IntFlag{Name: "context", Usage: "ids in a row"},
		&cli.IntFlag{Name: "vocab", Usage: "ids in the vocabulary"},
		cpuFlag,
		&cli.IntFlag{Name: "workers", Usage: "cores that work (default: all)"},
		&cli.BoolFlag{Name: "json", Usage: "as JSON"},
		&cli.StringFlag{Name: "profile", Usage: "write a CPU profile of the timed part to `FILE`, for go tool pprof"},
	}
	return &cli.Command{
		Name:  "bench",
		Usage: "measure this machine at work on a model of random weights",
		Description: `fragua bench train --preset a
fragua bench train --arch llama --layers 4 --width 256 --heads 4 --precision bf16
fragua bench decode --preset b --weights f32,int8 --rows 1`,
		Subcommands: []*cli.Command{
			{Name: "train", Usage: "tokens a second of training, share of the peak, where the time goes, memory",
				Description: "fragua bench train --preset a --precision bf16", Action: benchTrain,
				Flags: append(slices.Clone(work),
					&cli.IntFlag{Name: "batch", Usage: "rows of a step"},
					&cli.StringFlag{Name: "precision", Usage: "of what linear layers multiply: " + strings.Join(trial.Precisions, " or ")},
					&cli.IntFlag{Name: "steps", Value: 10, Usage: "steps that count, after two that do not"})},
			{Name: "decode", Usage: "tokens a second of generation, share of the memory's bandwidth",
				Description: "fragua bench decode --preset b", Action: benchDecode,
				Flags: append(slices.Clone(work),
					&cli.StringSliceFlag{Name: "weights", Value: cli.NewStringSlice(model.WeightKinds...), Usage: "what weights are kept in"},
					&cli.IntSliceFlag{Name: "rows", Value: cli.NewIntSlice(1, 4, 16), Usage: "texts side by side"},
					&cli.IntFlag{Name: "prompt", Value: 64, Usage: "ids of each prompt"},
					&cli.IntFlag{Name: "tokens", Value: 32, Usage: "ids generated after each"})},
		},
	}
}

// benchWork is the preset with what the flags change in it; it sets level and workers too.
func benchWork(c *cli.Context) (w trial.Work, err error) {
	presets := trial.Presets()
	name := c.String("preset")
	w, ok := presets[name]
	if !ok {
		return w, fault.Hintf(usage("there is no preset %q", name), "the presets are %s", strings.Join(slices.Sorted(maps.Keys(presets)), ", "))
	}
	for flag, to := range map[string]*int{"layers": &w.Layers, "width": &w.Width, "heads": &w.Heads, "hidden": &w.Hidden,
		"context": &w.Context, "vocab": &w.Vocab, "batch": &w.Batch} {
		if c.IsSet(flag) {
			*to = c.Int(flag)
		}
	}
	for flag, to := range map[string]*string{"arch": &w.Arch, "precision": &w.Precision} {
		if c.IsSet(flag) {
			*to = c.String(flag)
		}
	}
	if c.NArg() > 0 {
		return w, usage("%s takes flags alone, not %q", c.Command.HelpName, c.Args().First())
	}
	if err := w.Check(); err != nil {
		return w, usage("%v", err)
	}
	return w, setMachine(c)
}

// atLeastOne refuses counts that measure nothing.
func atLeastOne(c *cli.Context, flags ...string) error {
	for _, f := range flags {
		if c.Int(f) < 1 {
			return usage("--%s is %d, but at least 1 is wanted", f, c.Int(f))
		}
	}
	return nil
}

// profiled calls f, and writes a profile of it where --profile says.
func profiled(c *cli.Context, f func()) error {
	name := c.String("profile")
	if name == "" {
		f()
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	f()
	pprof.StopCPUProfile()
	return file.Close()
}

// A trainReport is what `bench train --json` prints; rates are of the clock on the wall.
type trainReport struct {
	Work        trial.Work   `json:"work"`
	Level       string       `json:"level"`
	Workers     int          `json:"workers"`
	Parameters  int64        `json:"parameters"`
	Start       float64      `json:"start_seconds"`       // drawing weights and making room, before the first step
	Median      float64      `json:"median_tokens_per_s"` // of the steps
	Best        float64      `json:"best_tokens_per_s"`   //
	CPU         float64      `json:"cpu_tokens_per_s"`    // if all processor time had been spent without waiting for others; 0: not known
	FLOPs       float64      `json:"flop_per_token"`      // 6·parameters + 12·layers·width·context
	Peak        float64      `json:"peak_flop_per_s"`     // measured before and after; 0: not known
	PeakOf      string       `json:"peak_of"`             // f32 or bf16: what products are made of
	Share       float64      `json:"best_share_of_peak"`  //
	Loss        [2]float64   `json:"first_and_last_loss"` //
	Operations  []operation  `json:"operations"`          // of the timed steps
	Memory      trial.Memory `json:"memory_bytes"`        //
	Allocations uint64       `json:"allocations_a_step"`  // of a later step
	Step        float64      `json:"median_step_seconds"` //
	Products    float64      `json:"products_seconds"`    // the matrix products of a step by themselves
	ProductsCPU float64      `json:"products_cpu_seconds"`
}

// An operation is the time of one kind of operation in a step, on average.
type operation struct {
	Name     string  `json:"name"`
	Forward  float64 `json:"forward_seconds"`
	Backward float64 `json:"backward_seconds"`
}

func benchTrain(c *cli.Context) error {
	w, err := benchWork(c)
	if err != nil {
		return err
	}
	if err := atLeastOne(c, "steps"); err != nil {
		return err
	}
	steps := c.Int("steps")
	if warning := train.Floats(w.Precision).Warning(); warning != "" {
		fmt.Fprintln(c.App.ErrWriter, "note: "+warning)
	}
	r := trainReport{Work: w, Level: kernel.Level(), Workers: par.Workers()}
	r.Peak, r.PeakOf = w.Peak(r.Workers)

	began := time.Now()
	t, err := trial.Start(w)
	if err != nil {
		return err
	}
	r.Start = time.Since(began).Seconds()
	r.Parameters, r.FLOPs = t.Size.Params, t.Size.FLOPs
	const warm = 2 // in the first step memory is found, in the second it is laid out
	for s := range warm {
		r.Loss[0] = t.Step(w.Text(s)).Loss
	}
	t.Forget()
	var took []time.Duration
	var cpu time.Duration
	err = profiled(c, func() {
		for s := range steps {
			if c.Context.Err() != nil {
				return
			}
			step := t.Step(w.Text(warm + s))
			took, cpu, r.Loss[1] = append(took, step.Wall), cpu+step.CPU, step.Loss
		}
	})
	if err == nil {
		err = c.Context.Err()
	}
	if err != nil {
		return err
	}
	slices.Sort(took)
	ids := float64(w.IDs())
	r.Step = took[len(took)/2].Seconds()
	r.Median, r.Best = ids/r.Step, ids/took[0].Seconds()
	if cpu > 0 {
		r.CPU = ids * float64(steps*r.Workers) / cpu.Seconds()
	}
	wall, cpuProducts := t.Products()
	r.Products, r.ProductsCPU = wall.Seconds(), cpuProducts.Seconds()
	again, _ := w.Peak(r.Workers)
	if r.Peak = max(r.Peak, again); r.Peak > 0 {
		r.Share = r.FLOPs * r.Best / r.Peak
	}
	for _, o := range t.Ops() {
		r.Operations = append(r.Operations, operation{o.Name, o.Forward.Seconds() / float64(steps), o.Backward.Seconds() / float64(steps)})
	}
	r.Memory = t.Memory()
	r.Allocations = t.Allocations(w.Text(warm + steps))
	if c.Bool("json") {
		e := json.NewEncoder(c.App.Writer)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	r.print(c)
	return nil
}

func (r *trainReport) print(c *cli.Context) {
	row := rows(c)
	row("model", "%s: %s parameters", r.Work, number(r.Parameters))
	row("machine", "%s, %d workers of %d cores, %s", r.Level, r.Workers, runtime.NumCPU(), version())
	row("start", "%.2f s to the first step", r.Start)
	row("step", "%.1f ms of %s tokens; loss %.4f, then %.4f", 1e3*r.Step, number(int64(r.Work.IDs())), r.Loss[0], r.Loss[1])
	cpu := ""
	if r.CPU > 0 {
		cpu = fmt.Sprintf("; %.0f by processor time", r.CPU)
	}
	row("tokens/s", "%.0f median, %.0f best%s", r.Median, r.Best, cpu)
	row("model", "%.4g FLOP a token: %.1f GFLOP/s median, %.1f best", r.FLOPs, r.FLOPs*r.Median/1e9, r.FLOPs*r.Best/1e9)
	if r.Peak > 0 {
		if cpu = ""; r.CPU > 0 && r.Workers == 1 { // the peak of several is by the wall, of one it hardly differs
			cpu = fmt.Sprintf("; %.1f %% by processor time", 100*r.FLOPs*r.CPU/r.Peak)
		}
		row("peak", "%.1f GFLOP/s of %s measured, of which the best step reaches %.1f %%%s", r.Peak/1e9, r.PeakOf, 100*r.Share, cpu)
	} else {
		row("peak", "not known at level %s", r.Level)
	}
	cpu = ""
	if r.CPU > 0 {
		cpu = fmt.Sprintf("; by processor time %.1f ms, %.1f %% of it", 1e3*r.ProductsCPU, 100*r.ProductsCPU*r.CPU/float64(r.Work.IDs()*r.Workers))
	}
	row("products", "%.1f ms alone, %.1f %% of the best step%s", 1e3*r.Products, 100*r.Products*r.Best/float64(r.Work.IDs()), cpu)
	m := r.Memory
	sum := m.Weights + m.Gradients + m.Moments + m.Tape
	row("memory", "%s: weights %s, gradients %s, moments %s, tape %s; foretold %s; a step allocates %d times", bytesText(sum), bytesText(m.Weights),
		bytesText(m.Gradients), bytesText(m.Moments), bytesText(m.Tape), bytesText(m.Foretold), r.Allocations)
	total := 0.0
	for _, o := range r.Operations {
		total += o.Forward + o.Backward
	}
	w := c.App.Writer
	fmt.Fprintf(w, "\n%-24s %12s %12s %8s\n", "milliseconds a step", "forward", "backward", "share")
	for _, o := range r.Operations {
		fmt.Fprintf(w, "%-24s %12.2f %12.2f %7.1f%%\n", o.Name, 1e3*o.Forward, 1e3*o.Backward, 100*(o.Forward+o.Backward)/total)
	}
	fmt.Fprintf(w, "%-24s %25.2f\n", "all", 1e3*total)
}

// A decodeReport is what `bench decode --json` prints.
type decodeReport struct {
	Work    trial.Work `json:"work"`
	Level   string     `json:"level"`
	Workers int        `json:"workers"`
	Prompt  int        `json:"prompt_tokens"`
	Runs    []decoded  `json:"runs"`
}

// A decoded is one run: rows texts side by side, with weights of one kind.
type decoded struct {
	Weights   string  `json:"weights"`
	Rows      int     `json:"rows"`
	Prompt    float64 `json:"prompt_tokens_per_s"`
	Median    float64 `json:"median_tokens_per_s"` // of all rows together
	Best      float64 `json:"best_tokens_per_s"`
	Bytes     int64   `json:"weight_bytes_per_step"`
	Bandwidth float64 `json:"bandwidth_bytes_per_s"` // measured on an array as large as the weights
	Share     float64 `json:"median_share_of_bandwidth"`
}

func benchDecode(c *cli.Context) error {
	w, err := benchWork(c)
	if err != nil {
		return err
	}
	if err := atLeastOne(c, "prompt", "tokens"); err != nil {
		return err
	}
	for _, kind := range commaList(c, "weights") {
		if !slices.Contains(model.WeightKinds, kind) {
			return usage("--weights: there are none of %q, only %s", kind, strings.Join(model.WeightKinds, ", "))
		}
	}
	for _, n := range c.IntSlice("rows") {
		if n < 1 || n > 1<<10 {
			return usage("--rows: %d is not a number from 1 to %d", n, 1<<10)
		}
	}
	prompt, tokens := c.Int("prompt"), c.Int("tokens")
	w.Context = max(w.Context, prompt+tokens) // nothing is forgotten on the way
	a, err := w.Settings()
	if err != nil {
		return err
	}
	r := decodeReport{Work: w, Level: kernel.Level(), Workers: par.Workers(), Prompt: prompt}
	err = profiled(c, func() {
		for _, kind := range commaList(c, "weights") {
			var m model.LanguageModel
			if m, err = a.Build(w.Vocab, w.Context, 1); err != nil {
				return
			}
			if err = model.Quantize(m, kind); err != nil {
				return
			}
			for _, n := range c.IntSlice("rows") {
				if err = c.Context.Err(); err != nil {
					return
				}
				r.Runs = append(r.Runs, decode(m, kind, n, prompt, tokens))
			}
		}
	})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		e := json.NewEncoder(c.App.Writer)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	row := rows(c)
	row("model", "%s", w)
	row("machine", "%s, %d workers of %d cores, %s", r.Level, r.Workers, runtime.NumCPU(), version())
	row("work", "prompts of %d tokens, then %d more a row; the median step", prompt, tokens)
	fmt.Fprintf(c.App.Writer, "\n%-8s %5s %10s %16s %12s %10s %10s %9s\n", "weights", "rows", "read", "prompt tokens/s", "tokens/s", "GB/s", "memory", "share")
	for _, d := range r.Runs {
		fmt.Fprintf(c.App.Writer, "%-8s %5d %10s %16.0f %12.1f %10.1f %10.1f %8.1f%%\n", d.Weights, d.Rows, bytesText(d.Bytes),
			d.Prompt, d.Median, d.Share*d.Bandwidth/1e9, d.Bandwidth/1e9, 100*d.Share)
	}
	return nil
}

// decode times one run.
func decode(m model.LanguageModel, weights string, rows, prompt, tokens int) decoded {
	x := trial.Decode(m, rows, prompt, tokens)
	slices.Sort(x.Took)
	d := decoded{Weights: weights, Rows: rows, Bytes: x.Bytes, Bandwidth: trial.Bandwidth(x.Bytes)}
	d.Prompt = float64(rows*prompt) / x.Prompt.Seconds()
	step := x.Took[len(x.Took)/2].Seconds()
	d.Median, d.Best = float64(rows)/step, float64(rows)/x.Took[0].Seconds()
	d.Share = float64(d.Bytes) / step / d.Bandwidth
	return d
}

// rows returns what prints a line of a name and a text.
func rows(c *cli.Context) func(what, format string, args ...any) {
	return func(what, format string, args ...any) {
		fmt.Fprintf(c.App.Writer, "%-12s %s\n", what, fmt.Sprintf(format, args...))
	}
}
