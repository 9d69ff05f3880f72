package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model/kernel"
	"fragua/pipeline"
	"fragua/pipeline/cluster"
	"fragua/pipeline/fault"
)

// workCommand is what the machines of a cluster run.
func workCommand() *cli.Command {
	return &cli.Command{
		Name: "work", Usage: "run a share of a run's tasks: what the machines of a cluster do", ArgsUsage: "RUN",
		Description: `fragua work runs/mine --shard 3/16
fragua work /shared/runs/mine --phase corpus.0f3a/0-read --shards 64

RUN is the folder of a run that was started with --on, here or s3://BUCKET/KEY. A worker does the
tasks i, i+n, i+2n … of a phase that have no record. Without --phase it goes from phase to phase
until the run is done. Its index i comes from --shard i/n, or from SLURM_ARRAY_TASK_ID,
JOB_COMPLETION_INDEX, AWS_BATCH_JOB_ARRAY_INDEX or BATCH_TASK_INDEX, and then --shards says n.
Workers may be killed, started again, and started twice.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "shard", Usage: "which share: `I/N`, I from 0"},
			&cli.IntFlag{Name: "shards", Usage: "of how many shares the scheduler's index is one"},
			&cli.StringFlag{Name: "phase", Usage: "work on one phase, `STAGE.KEY/NUMBER-NAME`, and end"},
			&cli.StringFlag{Name: "pick", Usage: "the scheduler's index counts these shares: `0-3,7`"},
			workersFlag,
		},
		Action: func(c *cli.Context) error {
			run, err := oneArgument(c, "run")
			if err != nil {
				return err
			}
			if err := setMachine(c); err != nil {
				return err
			}
			w := pipeline.Worker{Out: run, Phase: c.String("phase"), Workers: c.Int("workers"), Table: stages, SetCPU: kernel.SetLevel,
				Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
			if w.Shard, w.Shards, err = share(c.String("shard"), c.String("pick"), c.Int("shards")); err != nil {
				return err
			}
			err = w.Work(c.Context)
			if errors.Is(err, context.Canceled) {
				return err
			}
			if err != nil {
				return fmt.Errorf("shard %d of %d: %w", w.Shard, w.Shards, err)
			}
			return nil
		},
	}
}

// share reads which of how many shards this is.
func share(shard, pick string, shards int) (i, n int, err error) {
	if shard != "" {
		a, b, ok := strings.Cut(shard, "/")
		i, err1 := strconv.Atoi(a)
		n, err2 := strconv.Atoi(b)
		if !ok || err1 != nil || err2 != nil || i < 0 || i >= n {
			return 0, 0, fault.Hintf(usage("--shard is %q", shard), "the first of sixteen is 0/16, the last 15/16")
		}
		return i, n, nil
	}
	i, variable, ok := cluster.Index()
	if ok && pick != "" {
		if i, err = cluster.Pick(pick, i); err != nil {
			return 0, 0, usage("--pick: %v", err)
		}
	}
	switch {
	case !ok:
		return 0, 0, fault.Hintf(usage("nothing says which share of the work this is"), "give --shard 0/16 and so on, or let a scheduler set SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, AWS_BATCH_JOB_ARRAY_INDEX or BATCH_TASK_INDEX")
	case shards < 1:
		return 0, 0, fault.Hintf(usage("%s says that this is share %d, but not of how many", variable, i), "give --shards N")
	case i >= shards:
		return 0, 0, usage("%s says that this is share %d, but there are %d", variable, i, shards)
	}
	return i, shards, nil
}
