package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/cmd/internal/trial"
	"fragua/model"
)

// TestMain lets the test program stand in for a Python that has PyTorch.
func TestMain(m *testing.M) {
	if how := os.Getenv("BENCH_TEST_PEER"); how != "" {
		standIn(how)
		return
	}
	os.Exit(m.Run())
}

// standIn speaks as peer_torch.py does: with losses that are the number of the step.
func standIn(how string) {
	switch how {
	case "missing":
		fmt.Println(`{"missing": "torch"}`)
		return
	case "dies":
		fmt.Fprintln(os.Stderr, "warning\nno memory")
		return
	}
	fmt.Println(`{"version": "9.9", "about": "made up"}`)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var ask [2]int
		if json.Unmarshal(lines.Bytes(), &ask) != nil || how == "fails" {
			fmt.Println(`{"failed": "RuntimeError: it cannot"}`)
			return
		}
		l := lap{Wall: float64(ask[1]), CPU: 2 * float64(ask[1])}
		for i := range ask[1] {
			l.Losses = append(l.Losses, float64(ask[0]+i))
		}
		json.NewEncoder(os.Stdout).Encode(l)
	}
}

func startStandIn(t *testing.T, how string) (*torch, error) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := startTorch(t.Context(), self, t.TempDir(), "eager", 2, append(os.Environ(), "BENCH_TEST_PEER="+how))
	if err == nil {
		t.Cleanup(p.stop)
	}
	return p, err
}

func TestPeerTakesSteps(t *testing.T) {
	p, err := startStandIn(t, "works")
	if err != nil {
		t.Fatal(err)
	}
	if p.version != "9.9" || p.about != "made up" {
		t.Errorf("it says %q, %q", p.version, p.about)
	}
	for _, at := range []int{0, 3} {
		l, err := p.run(t.Context(), at, 3)
		if want := []float64{float64(at), float64(at + 1), float64(at + 2)}; err != nil || !slices.Equal(l.Losses, want) || l.Wall != 3 || l.CPU != 6 {
			t.Errorf("from %d: %+v, %v", at, l, err)
		}
	}
}

func TestPeerThatCannot(t *testing.T) {
	if _, err := startStandIn(t, "missing"); !errors.Is(err, errMissing) || !strings.Contains(err.Error(), "pip install torch") {
		t.Errorf("missing: %v", err)
	}
	if _, err := startStandIn(t, "dies"); err == nil || err.Error() != "it ended: no memory" {
		t.Errorf("dies: %v", err)
	}
	p, err := startStandIn(t, "fails")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.run(t.Context(), 0, 1); err == nil || err.Error() != "RuntimeError: it cannot" {
		t.Errorf("fails: %v", err)
	}
	if _, err := startTorch(t.Context(), filepath.Join(t.TempDir(), "none"), t.TempDir(), "eager", 1, nil); err == nil {
		t.Error("an interpreter that is not there starts")
	}
}

func TestApart(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		most float64
		at   int
	}{
		{[]float64{1, 2, 3}, []float64{1, 2, 3}, 0, 0},
		{[]float64{1, 2, 3}, []float64{1, 2.5, 2.75}, 0.5, 1},
		{[]float64{1, 2}, []float64{1, math.NaN()}, math.Inf(1), 1},
		{[]float64{math.Inf(1), 2}, []float64{math.Inf(1), 2}, math.Inf(1), 0},
	} {
		if most, at := apart(c.a, c.b); most != c.most || at != c.at {
			t.Errorf("%v, %v: %g apart at %d, want %g at %d", c.a, c.b, most, at, c.most, c.at)
		}
	}
}

// steady is a racer whose losses are what they are.
type steady []float64

func (s steady) run(_ context.Context, first, count int) (lap, error) {
	if first+count > len(s) {
		return lap{}, io.EOF
	}
	return lap{Losses: s[first:][:count]}, nil
}

func TestCompareFindsDifferentLossesAndDropsWhoFails(t *testing.T) {
	r := race{work: trial.Work{Precision: "f32"}, check: 2}
	for _, c := range []struct {
		peer  steady
		agree bool
		left  int
	}{
		{steady{9, 8.0005}, true, 2},
		{steady{9, 8.002}, false, 2},
		{steady{9, math.NaN()}, false, 2},
		{steady{9}, true, 1},
	} {
		field := entries{{name: "ours", racer: steady{9, 8}}, {name: "peer", racer: c.peer}}
		agree, err := r.compare(context.Background(), &field)
		if err != nil || agree != c.agree || len(field) != c.left {
			t.Errorf("%v: agree %v with %d left, %v; want %v with %d", c.peer, agree, len(field), err, c.agree, c.left)
		}
	}
}

func TestRatiosTakeTheBestPeerOfEachRound(t *testing.T) {
	field := entries{{"ours", nil, []float64{2, 4}}, {"x", nil, []float64{3, 9}}, {"y", nil, []float64{5, 6}}}
	if rounds, best := field.ratios(); !slices.Equal(rounds, []float64{1.5, 1.5}) || best != 1.5 {
		t.Errorf("%v, %g", rounds, best)
	}
	if rounds, _ := field[:1].ratios(); rounds != nil {
		t.Errorf("without a peer: %v", rounds)
	}
}

func TestRaceWithAPeerThatComputesOtherThings(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := race{python: self, work: tiny, threads: 1, rounds: 2, steps: 2, check: 3, variants: []string{"eager"}, clock: "wall",
		env: []string{"BENCH_TEST_PEER=works"}}
	if err := r.run(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "do not compute the same") {
		t.Errorf("error is %v", err)
	}
	r.env[0] = "BENCH_TEST_PEER=missing"
	if err := r.run(t.Context(), t.TempDir()); err != nil {
		t.Errorf("without a peer: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := r.run(ctx, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestRaceFlags(t *testing.T) {
	r, err := raceOf(strings.Fields("--python py --preset b --precision bf16 --threads 2 --rounds 3 --steps 4 --env A=1,B=2"))
	if err != nil {
		t.Fatal(err)
	}
	if r.work.Width != 768 || r.work.Precision != "bf16" || r.threads != 2 || r.rounds != 3 || r.steps != 4 || r.python != "py" ||
		!slices.Equal(r.env, []string{"A=1", "B=2"}) || len(r.variants) != 4 {
		t.Errorf("%+v", r)
	}
	for flags, want := range map[string]string{
		"--preset c":        `no preset "c"`,
		"--variants jit":    `no variant "jit"`,
		"--variants eager+": `no variant "eager+"`,
		"--precision f8":    "precision",
		"--rounds 0":        "at least 1",
		"--clock sun":       "--clock",
		"books.txt":         "flags alone",
	} {
		if _, err := raceOf(strings.Fields(flags)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flags, err, want)
		}
	}
}

func TestPeerEnvironment(t *testing.T) {
	env := peerEnv([]string{"OPENBLAS_CORETYPE=Haswell", "HOME=/", "OMP_NUM_THREADS=9"}, 2, "", []string{"X=y"})
	if want := []string{"HOME=/", "OMP_NUM_THREADS=2", "X=y"}; !slices.Equal(env, want) {
		t.Errorf("%v, want %v", env, want)
	}
	if env := peerEnv(nil, 1, "avx2", nil); !slices.Contains(env, "ONEDNN_MAX_CPU_ISA=AVX2") {
		t.Errorf("avx2 is not forced: %v", env)
	}
}

var tiny = trial.Work{Arch: "gpt", Layers: 2, Width: 8, Heads: 2, Context: 4, Vocab: 11, Batch: 2, Precision: "f32"}

func TestWrittenForPeers(t *testing.T) {
	tr, err := trial.Start(tiny)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := race{work: tiny, check: 2, rounds: 1, steps: 3}
	if err := r.write(dir, tr); err != nil {
		t.Fatal(err)
	}
	m, err := model.OpenLanguageModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params() {
		if !slices.Equal(p.Data, tr.Model.Params()[i].Data) {
			t.Errorf("%s is not what was written", p.Name)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "text.i32"))
	if want := 5 * 2 * 5 * 4; err != nil || len(text) != want {
		t.Errorf("the text has %d bytes, want %d (%v)", len(text), want, err)
	}
	var about map[string]any
	b, err := os.ReadFile(filepath.Join(dir, "work.json"))
	if err != nil || json.Unmarshal(b, &about) != nil {
		t.Fatal(err, string(b))
	}
	for _, key := range []string{"layers", "width", "heads", "context", "vocab", "batch", "precision", "cpu", "rate", "beta1", "beta2", "eps", "decay"} {
		if _, ok := about[key]; !ok {
			t.Errorf("work.json has no %q", key)
		}
	}
}

func TestWrittenForLLMC(t *testing.T) {
	tr, err := trial.Start(tiny)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeLLMC(dir, tiny, tr.Model.Params(), []int32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, llmcModel))
	if want := 4 * (256 + tr.Size.Params); err != nil || int64(len(b)) != want {
		t.Errorf("the checkpoint has %d bytes, want %d (%v)", len(b), want, err)
	}
	b, err = os.ReadFile(filepath.Join(dir, fmt.Sprintf(llmcText, "val")))
	if want := 4*256 + 2*3; err != nil || len(b) != want {
		t.Errorf("the text has %d bytes, want %d (%v)", len(b), want, err)
	}
	if loss, s, ok := llmcStep("step 3: train loss 5.25 (took 812.500000 ms)"); !ok || loss != 5.25 || s != .8125 {
		t.Errorf("read %g, %g, %v", loss, s, ok)
	}
	if _, _, ok := llmcStep("val loss 5.3"); ok {
		t.Error("a validation is taken for a step")
	}
}
