package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// installs says how each peer gets onto the machine.
var installs = map[string]string{
	"tokenizers":    "pip install tokenizers",
	"tiktoken":      "pip install tiktoken",
	"gigatoken":     "pip install gigatoken",
	"rustbpe":       "pip install rustbpe",
	"bpeasy":        "pip install bpeasy",
	"sentencepiece": "pip install sentencepiece",
	"youtokentome":  `pip install "Cython<3" setuptools wheel click && pip install --no-build-isolation youtokentome`,
}

// goPorts are the encoders in Go, in a module of their own.
var goPorts = []string{"pkoukk", "tiktoken-go"}

// told is what peers.py prints.
type told struct {
	CPU, Wall float64
	Again     float64 // a second pass, of peers that remember words
	RSS       int64
	Version   string
	Missing   string
}

// peer runs peers.py; ok is false if the peer is not there, which it tells.
func (b *bench) peer(name string, args ...string) (t told, ok bool, err error) {
	cmd := exec.CommandContext(b.ctx, b.python, append([]string{b.script, name}, args...)...)
	cmd.Env = append(os.Environ(), "RAYON_NUM_THREADS=1", "TOKENIZERS_PARALLELISM=false")
	if t, err = tell(cmd); err != nil {
		return t, false, fmt.Errorf("%s: %w", name, err)
	}
	if t.Missing != "" {
		fmt.Printf("  %-28s not installed: %s\n", name, installs[name])
	}
	return t, t.Missing == "", nil
}

// port runs one of Go's ports of tiktoken.
func (b *bench) port(name string, args ...string) (t told, ok bool, err error) {
	program := filepath.Join(b.dir, "goports")
	if _, err := os.Stat(program); err != nil {
		build := exec.CommandContext(b.ctx, "go", "build", "-C", b.ports, "-o", program, ".")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Printf("  %-28s not installed: (cd %s && go mod download)   %s\n", name, b.ports, bytes.TrimSpace(out))
			return t, false, nil
		}
	}
	if t, err = tell(exec.CommandContext(b.ctx, program, append([]string{name}, args...)...)); err != nil {
		return t, false, fmt.Errorf("%s: %w", name, err)
	}
	return t, true, nil
}

// tell runs a peer, which prints its figures last.
func tell(cmd *exec.Cmd) (t told, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return t, fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	out = bytes.TrimSpace(out)
	out = out[bytes.LastIndexByte(out, '\n')+1:]
	if err := json.Unmarshal(out, &t); err != nil {
		return t, fmt.Errorf("%w in %q", err, out)
	}
	return t, nil
}
