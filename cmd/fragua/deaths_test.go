package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The workers of a cluster's tests die by plan: the plan, made from a fixed seed, names
// which of the workers that start dies, and after how many lines of its log. Nothing
// depends on the clock, so a fast machine and a slow one see as many deaths.
//
// deathsVariable is the environment variable that names a folder:
//
//	started/N   worker number N, counted from 0, has started
//	died/N      it has died; the file's content is the node that died with it, if any
const deathsVariable = "FRAGUA_TEST_DEATHS"

// A death is how a worker ends: after this many lines of its log, or else at its end.
type death struct {
	lines int
	node  bool // the whole node dies with it
}

// plannedDeaths are at least this many deaths of workers, and of nodes between them. Some
// more are planned, because a scheduler may end a worker that comes late before it dies.
// Of two workers that start one after the other at most one dies: a run gives up where
// nothing ever gets done.
func plannedDeaths(workers, nodes int) map[int]death {
	workers, nodes = workers*3/2, nodes*3/2
	rng := rand.New(rand.NewPCG(6, 7))
	plan, number := map[int]death{}, 0
	for left := workers + nodes; left > 0; left-- {
		number += 2 + rng.IntN(2)
		d := death{lines: 1 + rng.IntN(4)}
		if nodes > 0 && left%max(1, (workers+nodes)/nodes) == 0 {
			d.node = true
			nodes--
		}
		plan[number] = d
	}
	return plan
}

// watchDeaths prepares the folder, and returns how many workers have started and which
// have died.
func watchDeaths(t *testing.T) (started func() int, died func() map[int]string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"started", "died"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(deathsVariable, dir)
	list := func(name string) map[int]string {
		found := map[int]string{}
		entries, err := os.ReadDir(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, name, e.Name()))
			number, err2 := strconv.Atoi(e.Name())
			if err != nil || err2 != nil {
				t.Error(err, err2)
			}
			found[number] = string(b)
		}
		return found
	}
	return func() int { return len(list("started")) }, func() map[int]string { return list("died") }
}

// mortal runs the real main; where it is a worker that the plan names, it dies.
func mortal(main func() int, plan map[int]death, killNode func(node string)) int {
	dir := os.Getenv(deathsVariable)
	if dir == "" || len(os.Args) < 2 || os.Args[1] != "work" {
		return main()
	}
	number := 0
	for ; ; number++ {
		f, err := os.OpenFile(filepath.Join(dir, "started", strconv.Itoa(number)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err == nil {
			f.Close()
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			fmt.Fprintln(os.Stderr, err)
			return exitFailed
		}
	}
	d, dies := plan[number]
	if !dies {
		return main()
	}
	die := sync.OnceFunc(func() {
		node := ""
		if d.node {
			node = os.Getenv("SLURMD_NODENAME")
		}
		os.WriteFile(filepath.Join(dir, "died", strconv.Itoa(number)), []byte(node), 0o644)
		if node != "" {
			killNode(node)
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		fmt.Fprintln(os.Stderr, err)
		select {}
	})
	if begin, err := os.Stderr.Stat(); err == nil && begin.Mode().IsRegular() { // it may have lines of earlier attempts
		log := fmt.Sprintf("/proc/self/fd/%d", os.Stderr.Fd()) // where there is no /proc, it dies at its end
		go func() {
			for ; ; time.Sleep(time.Millisecond) {
				b, err := os.ReadFile(log)
				if err == nil && bytes.Count(b[min(int64(len(b)), begin.Size()):], []byte("\n")) >= d.lines {
					die()
				}
			}
		}()
	}
	main()
	die()
	return exitFailed
}
