package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"fragua/cmd/fragua/curves"
	"fragua/model/kernel"
	"fragua/model/kernel/par"
	"fragua/pipeline"
	"fragua/pipeline/cluster"
	"fragua/pipeline/corpus"
	"fragua/pipeline/fault"
	"fragua/pipeline/report"
	"fragua/pipeline/store"
)

// Flags that several commands share.
var (
	setFlag      = &cli.StringSliceFlag{Name: "set", Usage: "change a setting: `STAGE.KEY=VALUE`"}
	outFlag      = &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the run's `FOLDER`, here or s3://BUCKET/KEY (default runs/NAME)"}
	workersFlag  = &cli.IntFlag{Name: "workers", Usage: "tasks at a time, and cores for training (default: one a core); the result does not depend on it"}
	cpuFlag      = &cli.StringFlag{Name: "cpu", Usage: "`LEVEL` of the kernels: plain, avx2, avx512, avx512bf16, amx (default: the best that this machine has)"}
	logFlag      = &cli.StringFlag{Name: "log", Value: "text", Usage: "how progress is told on standard error: `FORMAT` text or json (an object a line)"}
	limitFlag    = &cli.Int64Flag{Name: "limit", Usage: "read only the first `N` documents of each source"}
	onFlag       = &cli.StringFlag{Name: "on", Usage: "`WHO` runs the tasks: slurm, kubernetes, or manual, where you start the workers (--set cluster.KEY=VALUE for the rest)"}
	shardsFlag   = &cli.IntFlag{Name: "shards", Usage: "how many workers share a phase on a cluster at most"}
	noVerifyFlag = &cli.BoolFlag{Name: "no-verify", Usage: "trust the files of finished stages without comparing them with their checksums"}
)

func runFlags() []cli.Flag {
	return []cli.Flag{
		setFlag, outFlag, workersFlag, cpuFlag, deviceFlag, pluginFlag, limitFlag, onFlag, shardsFlag,
		&cli.StringSliceFlag{Name: "only", Usage: "run these stages alone: `NAME,…`"},
		&cli.BoolFlag{Name: "force", Usage: "run them even if nothing changed"},
		logFlag,
		&cli.BoolFlag{Name: "dry-run", Usage: "say what would run, and run nothing"},
		noVerifyFlag,
		&cli.BoolFlag{Name: "other-cpu", Usage: "go on with a training that was begun at another --cpu level or on another --device; its bytes will be neither's"},
	}
}

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run the stages of a configuration",
		ArgsUsage: "CONFIG",
		Description: `fragua run quickstart
fragua run mine.yaml --out runs/first --set bpe.vocab_size=8192
fragua run mine.yaml --only base --force
fragua run mine.yaml --out s3://bucket/run
fragua run mine.yaml --on slurm --shards 200 --set cluster.partition=cpu

CONFIG is a file or the name of a recipe (fragua config list). What is done is skipped, what was
interrupted goes on; the same command twice costs nothing.`,
		Flags:  runFlags(),
		Action: runAction,
	}
}

func planCommand() *cli.Command {
	return &cli.Command{
		Name:        "plan",
		Usage:       "say what a run would do, and why; run nothing",
		ArgsUsage:   "CONFIG",
		Description: "fragua plan quickstart",
		Flags:       runFlags(),
		Action: func(c *cli.Context) error {
			job, err := prepare(c)
			if err != nil {
				return err
			}
			return job.plan(c)
		},
	}
}

// A job is a configuration and how it is to be run.
type job struct {
	config  *pipeline.Config
	options pipeline.Options
	notes   []string
}

// prepare reads the configuration and the flags of `run`.
func prepare(c *cli.Context) (*job, error) {
	arg, err := oneArgument(c, "configuration")
	if err != nil {
		return nil, err
	}
	out := runDir(arg, c.String("out"))
	r, err := openRecipe(arg, out)
	if err != nil {
		return nil, err
	}
	return r.job(c, arg, out)
}

func (r *recipe) job(c *cli.Context, arg, out string) (*job, error) {
	return r.jobWith(c, arg, out, c.StringSlice("set"))
}

// jobWith is job with other settings than those of --set.
func (r *recipe) jobWith(c *cli.Context, arg, out string, sets []string) (*job, error) {
	sets = slices.Clone(sets)
	if on := c.String("on"); on != "" {
		sets = append(sets, "cluster.on="+on)
	}
	if c.IsSet("shards") {
		sets = append(sets, fmt.Sprintf("cluster.shards=%d", c.Int("shards")))
	}
	cfg, err := r.parse(sets)
	if err == nil {
		err = cfg.CheckFiles()
	}
	if err != nil {
		return nil, err
	}
	if err := setMachine(c); err != nil {
		return nil, err
	}
	if format := c.String("log"); format != "" && format != "text" && format != "json" {
		return nil, usage("--log is %q, but text or json is wanted", format)
	}
	if c.IsSet("limit") && c.Int64("limit") <= 0 {
		return nil, usage("--limit is %d, but a number of documents above 0 is wanted", c.Int64("limit"))
	}
	device, err := openDevice(c, cfg)
	if err != nil {
		return nil, err
	}
	only := commaList(c, "only")
	notes := r.notes
	for _, e := range cfg.Stages {
		if in, ok := e.With.(*corpus.Ingest); ok {
			notes = append(notes, in.Unread()...)
		}
	}
	return &job{config: cfg, notes: notes, options: pipeline.Options{
		Out: out, Workers: c.Int("workers"), Only: only, Force: c.Bool("force"), Limit: c.Int64("limit"),
		CPU: kernel.Level(), Device: device, OtherCPU: c.Bool("other-cpu"), NoVerify: c.Bool("no-verify"), Program: version(), Config: arg,
	}}, nil
}

// setMachine applies --cpu and --workers.
func setMachine(c *cli.Context) error {
	if level := c.String("cpu"); level != "" {
		if err := kernel.SetLevel(level); err != nil {
			return fault.Hintf(usage("--cpu: %v", err), "this machine can run: %s", strings.Join(kernel.Levels(), ", "))
		}
	}
	if n := c.Int("workers"); n < 0 || n > 4096 {
		return usage("--workers is %d, but a number from 1 to 4096 is wanted", n)
	} else if n > 0 {
		par.SetWorkers(n)
	}
	return nil
}

func runAction(c *cli.Context) error {
	job, err := prepare(c)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return job.plan(c)
	}
	return job.together(c)
}

func (j *job) plan(c *cli.Context) error {
	stages, err := pipeline.Plan(c.Context, j.config, j.options)
	if err != nil {
		return err
	}
	w := c.App.Writer
	for _, n := range j.notes {
		fmt.Fprintln(w, "note: "+n)
	}
	fmt.Fprintf(w, "%s → %s, %s of the kernels, %d workers\n", j.config.Name, j.options.Out, kernel.Level(), workers(j.options.Workers))
	if d := j.options.Device; d != nil {
		fmt.Fprintf(w, "trains on %s\n", d)
	}
	for _, s := range stages {
		verb := "run "
		if s.Cached {
			verb = "skip"
		}
		line := fmt.Sprintf("  %s  %-12s %-10s %s", verb, s.Name, s.Use, s.Why)
		if e := s.Estimate; e != nil {
			line += "; " + estimate(*e)
		}
		fmt.Fprintln(w, line)
	}
	if where := j.config.Cluster; where != nil && where.On != cluster.Here {
		printCluster(w, *where, stages)
		return j.printCost(w)
	}
	return nil
}

func workers(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

func estimate(e pipeline.Estimate) string {
	var parts []string
	if e.Time > 0 {
		parts = append(parts, "about "+e.Time.Round(time.Second).String())
	}
	if e.Memory > 0 {
		parts = append(parts, bytesText(e.Memory)+" of memory")
	}
	if e.Disk > 0 {
		parts = append(parts, bytesText(e.Disk)+" of disk")
	}
	if e.Note != "" {
		parts = append(parts, e.Note)
	}
	return strings.Join(parts, ", ")
}

func (j *job) run(c *cli.Context) error {
	began := time.Now()
	res, err := j.execute(c)
	if err != nil {
		return err
	}
	name, err := report.Create(j.options.Out)
	if err != nil {
		return err
	}
	return summary(c.App.Writer, res, name, time.Since(began))
}

// execute runs the stages and tells how it goes.
func (j *job) execute(c *cli.Context) (*pipeline.Result, error) {
	var names []string
	for _, e := range j.config.Stages {
		if len(j.options.Only) == 0 || slices.Contains(j.options.Only, e.Name) {
			names = append(names, e.Name)
		}
	}
	show := newWatcher(c.String("log"), os.Stderr, func() *show { return newShow(os.Stderr, names) })
	for _, n := range j.notes {
		show.line("note: " + n)
	}
	live := curves.New(j.options.Out)
	var unseen error // that curves cannot be watched is no reason to stop a training
	j.options.Observe = func(e pipeline.Event) {
		if e.Kind == pipeline.EventPoint && !store.IsRemote(j.options.Out) && unseen == nil {
			if unseen = live.Add(e.Stage, e.Point); unseen != nil {
				show.line("note: the curves cannot be watched: " + unseen.Error())
			}
		}
		show.observe(e)
	}
	res, err := pipeline.Run(c.Context, j.config, j.options)
	show.close()
	return res, errors.Join(err, live.Close())
}
