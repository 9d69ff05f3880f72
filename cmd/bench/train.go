package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"fragua/cmd/internal/trial"
	"fragua/model"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
)

// A race is the settings of `bench train`.
type race struct {
	python   string
	work     trial.Work
	cpu      string // level; "": the best
	threads  int
	rounds   int
	steps    int // of a round
	check    int // steps before the clock counts, whose losses are compared
	variants []string
	clock    string // wall or cpu
	env      []string
	llmc     string
}

// tolerance is how far losses may be apart. Both sides round the operands of products
// to bfloat16 in other places, so that precision has no more to say than this.
var tolerance = map[string]float64{"f32": 1e-3, "bf16": 3e-2}

func raceOf(args []string) (r race, err error) {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	preset := flags.String("preset", "a", "a: 6 layers of width 384, vocabulary 8192, 16 rows of 256; b: GPT-2 of 124M, 4 rows of 256; llama: as a, with 2 heads of keys; lstm: 3 layers of 1150, 64 rows of 70")
	precision := flags.String("precision", "f32", "of what linear layers multiply: f32 or bf16")
	layers := flags.Int("layers", 0, "another number of layers than the preset's")
	batch := flags.Int("batch", 0, "another number of rows than the preset's")
	variants := flags.String("variants", "", "of PyTorch, the best of which counts: eager, compile, autotune, each perhaps with +f32sdpa (default: eager,compile, and in bf16 both with +f32sdpa too)")
	env := flags.String("env", "", "further NAME=VALUE,… for the peer, such as LD_PRELOAD of an allocator")
	flags.StringVar(&r.python, "python", "python3", "interpreter that has PyTorch")
	flags.StringVar(&r.cpu, "cpu", "", "level of the kernels; avx2 forces the peer to it too")
	flags.IntVar(&r.threads, "threads", runtime.NumCPU(), "cores for each side")
	flags.IntVar(&r.rounds, "rounds", 5, "in which each side has its turn")
	flags.IntVar(&r.steps, "steps", 5, "of a turn")
	flags.IntVar(&r.check, "check", 50, "steps before the rounds, whose losses must agree")
	flags.StringVar(&r.clock, "clock", "wall", "what rates are by: wall, or cpu (processor time; for one thread on a busy machine)")
	flags.StringVar(&r.llmc, "llmc", "", "folder with llm.c's train_gpt2, built for the preset's batch and context")
	if err := flags.Parse(args); err != nil {
		return r, err
	}
	var ok bool
	if r.work, ok = trial.Presets()[*preset]; !ok {
		return r, fmt.Errorf("there is no preset %q, only a, b, llama and lstm", *preset)
	}
	r.work.Precision = *precision
	if *layers > 0 {
		r.work.Layers = *layers
	}
	if *batch > 0 {
		r.work.Batch = *batch
	}
	if *variants == "" {
		*variants = "eager,compile"
		if *precision == "bf16" {
			*variants += ",eager+f32sdpa,compile+f32sdpa"
		}
	}
	r.variants = strings.Split(*variants, ",")
	for _, v := range r.variants {
		how, attention, plus := strings.Cut(v, "+")
		if !slices.Contains([]string{"eager", "compile", "autotune"}, how) || plus && attention != "f32sdpa" {
			return r, fmt.Errorf("there is no variant %q", v)
		}
	}
	if *env != "" {
		r.env = strings.Split(*env, ",")
	}
	switch {
	case flags.NArg() > 0:
		return r, fmt.Errorf("flags alone are wanted, not %q", flags.Arg(0))
	case r.threads < 1 || r.rounds < 1 || r.steps < 1 || r.check < 1:
		return r, errors.New("--threads, --rounds, --steps and --check are at least 1")
	case r.clock != "wall" && r.clock != "cpu":
		return r, fmt.Errorf("--clock is %q, want wall or cpu", r.clock)
	}
	return r, r.work.Check()
}

func trainRace(ctx context.Context, args []string) error {
	r, err := raceOf(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.cpu != "" {
		if err := kernel.SetLevel(r.cpu); err != nil {
			return err
		}
	}
	par.SetWorkers(r.threads)
	dir, err := os.MkdirTemp("", "bench-train-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return r.run(ctx, dir)
}

// ours is a trial as a racer.
type ours struct{ *trial.Trial }

func (o ours) run(ctx context.Context, first, count int) (l lap, err error) {
	for s := first; s < first+count; s++ {
		if err := ctx.Err(); err != nil {
			return l, err
		}
		step := o.Step(o.Work.Text(s))
		l.Losses = append(l.Losses, step.Loss)
		l.Wall += step.Wall.Seconds()
		l.CPU += step.CPU.Seconds()
	}
	return l, nil
}

// write puts into dir all that a peer needs to take the same steps.
func (r race) write(dir string, t *trial.Trial) error {
	settings := struct {
		trial.Work
		CPU   string  `json:"cpu"`
		Rate  float64 `json:"rate"`
		Beta1 float64 `json:"beta1"`
		Beta2 float64 `json:"beta2"`
		Eps   float64 `json:"eps"`
		Decay float64 `json:"decay"`
	}{r.work, r.cpu, trial.Rate, trial.Beta1, trial.Beta2, trial.Eps, trial.Decay}
	about, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	var text []byte
	for s := range r.check + r.rounds*r.steps {
		for _, id := range r.work.Text(s) {
			text = binary.LittleEndian.AppendUint32(text, uint32(id))
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "work.json"), about, 0o666),
		os.WriteFile(filepath.Join(dir, "text.i32"), text, 0o666),
		model.Save(dir, t.Model, model.Extra{End: -1}))
}

func (r race) run(ctx context.Context, dir string) error {
	peak, of := r.work.Peak(r.threads)
	t, err := trial.Start(r.work)
	if err != nil {
		return err
	}
	if err := r.write(dir, t); err != nil {
		return err
	}
	fmt.Printf("%s: %d parameters\n", r.work, t.Size.Params)
	fmt.Printf("%s; %d threads of %d cores\n", processor(), r.threads, runtime.NumCPU())
	fmt.Printf("  %-22s %s, kernels %s\n", "fragua", revision(), kernel.Level())

	field := entries{{"fragua", ours{t}, nil}}
	env := peerEnv(os.Environ(), r.threads, r.cpu, r.env)
	for _, v := range r.variants {
		p, err := startTorch(ctx, r.python, dir, v, r.threads, env)
		if err != nil {
			fmt.Printf("  %-22s %v\n", "torch "+v, err)
			if errors.Is(err, errMissing) {
				break
			}
			continue
		}
		defer p.stop()
		fmt.Printf("  %-22s %s: %s\n", "torch "+v, p.version, p.about)
		field = append(field, entry{"torch " + v, p, nil})
	}
	agree, err := r.compare(ctx, &field)
	if err != nil {
		return err
	}
	if err := r.turns(ctx, field); err != nil {
		return err
	}
	again, _ := r.work.Peak(r.threads)
	r.report(field, t.Size.FLOPs, max(peak, again), of)
	if r.llmc != "" {
		if err := r.raceLLMC(ctx, dir, t); err != nil {
			fmt.Printf("  llm.c: %v\n", err)
		}
	}
	if !agree {
		return fmt.Errorf("losses are more than %g apart: the two do not compute the same", tolerance[r.work.Precision])
	}
	return nil
}

// An entry is a racer and its seconds in each round.
type entry struct {
	name string
	racer
	took []float64
}

type entries []entry

// compare lets all take the first steps and compares the losses. A peer that fails
// leaves the field.
func (r race) compare(ctx context.Context, field *entries) (agree bool, err error) {
	agree = true
	var want []float64
	var rest entries
	for _, e := range *field {
		l, err := e.run(ctx, 0, r.check)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil:
			fmt.Printf("  %-22s left the race: %v\n", e.name, err)
			continue
		case want == nil:
			want = l.Losses
			fmt.Printf("losses of the first %d steps: %.5f … %.5f\n", r.check, want[0], want[r.check-1])
		default:
			most, at := apart(want, l.Losses)
			verdict := "agree"
			if !(most <= tolerance[r.work.Precision]) {
				agree, verdict = false, "DIFFER"
			}
			fmt.Printf("  %-22s %s: at most %.2g apart, at step %d\n", e.name, verdict, most, at+1)
		}
		rest = append(rest, e)
	}
	*field = rest
	return agree, nil
}

// apart is the greatest difference of two lists of losses, and where it is. What is not
// a number is infinitely apart.
func apart(a, b []float64) (most float64, at int) {
	for i := range a {
		d := math.Abs(a[i] - b[i])
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > most {
			most, at = d, i
		}
	}
	return most, at
}

// turns times all racers, one after the other, in each round.
func (r race) turns(ctx context.Context, field entries) error {
	for round := range r.rounds {
		for i := range field {
			l, err := field[i].run(ctx, r.check+round*r.steps, r.steps)
			if err != nil {
				return fmt.Errorf("%s: %w", field[i].name, err)
			}
			took := l.Wall
			if r.clock == "cpu" {
				took = l.CPU / float64(r.threads)
			}
			field[i].took = append(field[i].took, took)
		}
	}
	return nil
}

func (r race) report(field entries, flops, peak float64, of string) {
	ids := float64(r.work.IDs() * r.steps)
	fmt.Printf("tokens/s by %s time, %d steps a turn\n  %-22s", r.clock, r.steps, "round")
	for round := range r.rounds {
		fmt.Printf(" %8d", round+1)
	}
	fmt.Printf(" %9s\n", "best")
	for _, e := range field {
		fmt.Printf("  %-22s", e.name)
		for _, s := range e.took {
			fmt.Printf(" %8.0f", ids/s)
		}
		fmt.Printf(" %9.0f\n", ids/slices.Min(e.took))
	}
	if ratios, best := field.ratios(); ratios != nil {
		fmt.Printf("  %-22s", "ours / best peer")
		for _, x := range ratios {
			fmt.Printf(" %8.2f", x)
		}
		fmt.Printf(" %9.2f\n", best)
	}
	if peak > 0 {
		fmt.Printf("model FLOP/s of the best turn over the peak of %.1f GFLOP/s of %s measured in this run:", peak/1e9, of)
		for _, e := range field {
			fmt.Printf(" %s %.3f;", e.name, flops*ids/slices.Min(e.took)/peak)
		}
		fmt.Println()
	}
}

// ratios are how many times the tokens of the best peer of a round ours makes, and the
// same of the best turns of all rounds; nil where there is no peer.
func (field entries) ratios() (rounds []float64, best float64) {
	if len(field) < 2 {
		return nil, 0
	}
	fastest := math.Inf(1)
	for round, s := range field[0].took {
		peer := math.Inf(1)
		for _, e := range field[1:] {
			peer = min(peer, e.took[round])
		}
		rounds = append(rounds, peer/s)
		fastest = min(fastest, peer)
	}
	return rounds, fastest / slices.Min(field[0].took)
}

// processor is the machine's name for its processor.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // elsewhere there is none
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// revision is the commit that the program was built from.
func revision() string {
	v := runtime.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v = s.Value[:min(12, len(s.Value))] + " " + v
			}
		}
	}
	return v
}
