package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed peer_torch.py
var peerTorchPy []byte

// A lap is some steps of one racer.
type lap struct {
	Losses    []float64
	Wall, CPU float64 // seconds
}

// A racer trains the work from its beginning on; steps are asked for in order.
type racer interface {
	run(ctx context.Context, first, count int) (lap, error)
}

// A torch is a process of peer_torch.py. It waits, without work, while it is not asked.
type torch struct {
	variant, version, about string

	process *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	log     *bytes.Buffer // the last of what it said on standard error
}

// errMissing says that the interpreter has no PyTorch.
var errMissing = errors.New("not installed: pip install torch --index-url https://download.pytorch.org/whl/cpu")

// startTorch starts a variant on the files in dir and waits until it is ready to train.
func startTorch(ctx context.Context, python, dir, variant string, threads int, env []string) (*torch, error) {
	script := filepath.Join(dir, "peer_torch.py")
	if err := os.WriteFile(script, peerTorchPy, 0o666); err != nil {
		return nil, err
	}
	t := &torch{variant: variant, log: new(bytes.Buffer)}
	t.process = exec.CommandContext(ctx, python, script, dir, variant, fmt.Sprint(threads))
	t.process.Env, t.process.Stderr = env, t.log
	t.process.WaitDelay = 5 * time.Second
	out, err := t.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.out = json.NewDecoder(bufio.NewReader(out))
	if t.in, err = t.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := t.process.Start(); err != nil {
		return nil, err
	}
	var ready struct{ Version, About string }
	if err := t.hear(&ready); err != nil {
		t.stop()
		return nil, err
	}
	t.version, t.about = ready.Version, ready.About
	return t, nil
}

// run asks for steps. The context that ends the process is that of startTorch.
func (t *torch) run(_ context.Context, first, count int) (l lap, err error) {
	if _, err := fmt.Fprintf(t.in, "[%d, %d]\n", first, count); err != nil {
		return l, fmt.Errorf("%w: %s", err, t.lastWords())
	}
	if err := t.hear(&l); err != nil {
		return l, err
	}
	if len(l.Losses) != count {
		return l, fmt.Errorf("%d losses of %d steps", len(l.Losses), count)
	}
	return l, nil
}

// hear reads the next line into v.
func (t *torch) hear(v any) error {
	var line json.RawMessage
	if err := t.out.Decode(&line); err != nil {
		return fmt.Errorf("it ended: %s", t.lastWords())
	}
	var trouble struct{ Missing, Failed string }
	if err := json.Unmarshal(line, &trouble); err != nil {
		return err
	}
	switch {
	case trouble.Missing == "torch":
		return errMissing
	case trouble.Missing != "":
		return fmt.Errorf("python has no module %s", trouble.Missing)
	case trouble.Failed != "":
		return errors.New(trouble.Failed)
	}
	return json.Unmarshal(line, v)
}

// lastWords waits for the process to end and is the last line of its standard error.
func (t *torch) lastWords() string {
	t.stop()
	lines := strings.Split(strings.TrimSpace(t.log.String()), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return last
	}
	return "it said nothing"
}

func (t *torch) stop() {
	t.in.Close()
	_ = t.process.Wait() // how it ends is of no interest any more
}

// peerEnv is the environment of a peer: this many threads, and the level that ours was
// forced to. OPENBLAS_CORETYPE goes, because it can halve the speed of OpenBLAS.
func peerEnv(environ []string, threads int, level string, extra []string) []string {
	var env []string
	for _, e := range environ {
		if name, _, _ := strings.Cut(e, "="); name != "OPENBLAS_CORETYPE" && name != "OMP_NUM_THREADS" {
			env = append(env, e)
		}
	}
	env = append(env, fmt.Sprintf("OMP_NUM_THREADS=%d", threads))
	if level == "avx2" {
		env = append(env, "ATEN_CPU_CAPABILITY=avx2", "ONEDNN_MAX_CPU_ISA=AVX2", "MKL_ENABLE_INSTRUCTIONS=AVX2", "OPENBLAS_CORETYPE=Haswell")
	}
	return append(env, extra...)
}
