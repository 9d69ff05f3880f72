package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

func ablateCommand() *cli.Command {
	return &cli.Command{
		Name:      "ablate",
		Usage:     "run a configuration with and without a change, over several seeds, and compare the figures",
		ArgsUsage: "CONFIG",
		Description: `fragua ablate mine.yaml --change base.lr=0.01
fragua ablate books --set base.minutes=2 --change 'corpus.steps=[repair]' --seeds 3
fragua ablate mine.yaml --change unique.match=words --change bpe.vocab_size=4096

--set holds for all runs, --change for those that are compared with the others. Each run lies in a folder of
its own; what was interrupted goes on, and the same command twice costs nothing. The difference is the mean
over seeds with its 95 % interval by Student's t; runs of one seed are compared with each other.`,
		Flags: []cli.Flag{
			setFlag,
			&cli.StringSliceFlag{Name: "change", Usage: "the setting in question: `STAGE.KEY=VALUE`; several are one change", Required: true},
			&cli.IntFlag{Name: "seeds", Value: 3, Usage: "how many seeds, from that of the configuration on"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`FOLDER` of the runs (default runs/NAME-ablate)"},
			workersFlag, cpuFlag, limitFlag, logFlag, noVerifyFlag,
		},
		Action: ablateAction,
	}
}

func ablateAction(c *cli.Context) error {
	arg, err := oneArgument(c, "configuration")
	if err != nil {
		return err
	}
	n := c.Int("seeds")
	if n < 2 || n > len(student)+1 {
		return fault.Hintf(usage("--seeds is %d, but 2 to %d are wanted", n, len(student)+1), "one seed shows no spread")
	}
	out := c.String("out")
	if out == "" {
		out = runDir(arg, "") + "-ablate"
	}
	var without, with []map[figureName]float64
	for i := range n {
		for _, changed := range []bool{false, true} {
			figures, err := ablateRun(c, arg, out, i, changed)
			if err != nil {
				return err
			}
			if changed {
				with = append(with, figures)
			} else {
				without = append(without, figures)
			}
		}
	}
	return ablateTable(c.App.Writer, strings.Join(c.StringSlice("change"), ", "), without, with)
}

// ablateRun runs the configuration with its seed plus i, changed or not, and returns its figures.
func ablateRun(c *cli.Context, arg, out string, i int, changed bool) (map[figureName]float64, error) {
	r, err := openRecipe(arg, out)
	if err != nil {
		return nil, err
	}
	sets := slices.Clone(c.StringSlice("set"))
	plain, err := r.parse(sets)
	if err != nil {
		return nil, err
	}
	seed, kind := plain.Seed+uint64(i), "without"
	sets = append(sets, "seed="+strconv.FormatUint(seed, 10))
	if changed {
		sets, kind = append(sets, c.StringSlice("change")...), "with"
	}
	job, err := r.jobWith(c, arg, filepath.Join(out, fmt.Sprintf("seed-%d-%s", seed, kind)), sets)
	if err != nil {
		return nil, err
	}
	if err := job.run(c); err != nil {
		return nil, err
	}
	figures := map[figureName]float64{}
	for _, e := range job.config.Stages {
		m, err := pipeline.ReadMetrics(filepath.Join(job.options.Out, e.Name))
		if err != nil {
			continue // most stages measure nothing
		}
		for _, f := range m.Figures {
			name := figureName{e.Name, f.Name, f.Better}
			if _, baseline := figures[name]; f.Headline && !baseline { // those that follow are baselines
				figures[name] = f.Value
			}
		}
	}
	return figures, nil
}

// A figureName is a figure of a stage.
type figureName struct{ stage, name, better string }

// student is the .975 quantile of Student's t for 1, 2 … degrees of freedom.
var student = []float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131}

// ablateTable writes a line for each figure that all runs have.
func ablateTable(w io.Writer, change string, without, with []map[figureName]float64) error {
	var names []figureName
	for name := range without[0] {
		if !slices.ContainsFunc(slices.Concat(without, with), func(m map[figureName]float64) bool { _, has := m[name]; return !has }) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b figureName) int { return strings.Compare(a.stage+" "+a.name, b.stage+" "+b.name) })
	if len(names) == 0 {
		return fault.Hintf(fmt.Errorf("no figure is in all %d runs", len(without)+len(with)), "stages that train or evaluate measure; the configuration has none of them in both")
	}
	fmt.Fprintf(w, "\n%s; %d seeds\n", change, len(without))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "stage\tfigure\twithout\twith\tdifference\t\n")
	for _, name := range names {
		before, after, difference, interval := paired(name, without, with)
		verdict := "no difference shown"
		switch good := (difference < 0) == (name.better == "lower"); {
		case math.Abs(difference) <= interval || difference == 0:
		case name.better == "":
			verdict = "differs"
		case good:
			verdict = "better"
		default:
			verdict = "worse"
		}
		fmt.Fprintf(t, "%s\t%s\t%.4f\t%.4f\t%+.4f ± %.4f\t%s\n", name.stage, name.name, before, after, difference, interval, verdict)
	}
	return t.Flush()
}

// paired is the means of a figure, and of the differences of one seed with half of their 95 % interval.
func paired(name figureName, without, with []map[figureName]float64) (before, after, difference, interval float64) {
	n := float64(len(without))
	for i := range without {
		before += without[i][name] / n
		after += with[i][name] / n
	}
	difference = after - before
	squares := 0.0
	for i := range without {
		d := with[i][name] - without[i][name] - difference
		squares += d * d
	}
	return before, after, difference, student[len(without)-2] * math.Sqrt(squares/(n-1)/n)
}
