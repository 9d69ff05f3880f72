package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"fragua/cmd/internal/trial"
	"fragua/model/nn"
)

// llm.c's train_gpt2 reads the model and the text from files of fixed names and has batch
// and context written into it (4 and 64; another number wants an edit of its main). Its
// optimizer's settings are fixed too, so that only the first loss can be compared: it is
// equal if model, batch and context are.
const (
	llmcModel = "gpt2_124M.bin"
	llmcText  = "dev/data/tinyshakespeare/tiny_shakespeare_%s.bin"
)

// raceLLMC times as many steps of train_gpt2 as a turn has, and prints the ratio to as
// many of ours.
func (r race) raceLLMC(ctx context.Context, dir string, t *trial.Trial) error {
	if r.work.Arch != "gpt" || r.work.Vocab > 1<<16 {
		return errors.New("it knows GPT-2 alone, with ids of 16 bits")
	}
	program, err := filepath.Abs(filepath.Join(r.llmc, "train_gpt2"))
	if err != nil {
		return err
	}
	fresh, err := trial.Start(r.work)
	if err != nil {
		return err
	}
	// One batch of text without gaps: llm.c shuffles batches, of one there is one order.
	text := r.work.Text(0)[:r.work.IDs()+1]
	if err := writeLLMC(dir, r.work, fresh.Model.Params(), text); err != nil {
		return err
	}
	rows := make([]int32, 0, r.work.Batch*(r.work.Context+1))
	for i := range r.work.Batch {
		rows = append(rows, text[i*r.work.Context:][:r.work.Context+1]...)
	}
	want := fresh.Step(rows).Loss
	oursTook := math.Inf(1)
	for range r.steps {
		oursTook = min(oursTook, fresh.Step(rows).Wall.Seconds())
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, "stdbuf", "-oL", program) // else its lines come all at the end
	cmd.Dir, cmd.Env = dir, peerEnv(os.Environ(), r.threads, "", r.env)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var losses, took []float64
	for lines := bufio.NewScanner(out); len(took) <= r.steps && lines.Scan(); {
		if loss, seconds, ok := llmcStep(lines.Text()); ok {
			losses, took = append(losses, loss), append(took, seconds)
		}
	}
	stop()
	_ = cmd.Wait() // it was stopped
	if len(took) < 2 {
		return fmt.Errorf("%s told of %d steps", program, len(took))
	}
	if d := math.Abs(losses[0] - want); !(d <= tolerance[r.work.Precision]) {
		return fmt.Errorf("its first loss is %.5f, ours %.5f: was it built for %d rows of %d?", losses[0], want, r.work.Batch, r.work.Context)
	}
	theirs := slices.Min(took[1:])
	ids := float64(r.work.IDs())
	fmt.Printf("  %-22s %.0f tokens/s, best of %d steps; ours %.0f, %.1f times that; first losses %.2g apart\n",
		"llm.c", ids/theirs, len(took)-1, ids/oursTook, theirs/oursTook, math.Abs(losses[0]-want))
	return nil
}

// llmcStep reads a line such as "step 3: train loss 5.21 (took 812.5 ms)".
func llmcStep(line string) (loss, seconds float64, ok bool) {
	var step int
	var ms float64
	if _, err := fmt.Sscanf(line, "step %d: train loss %g (took %g ms)", &step, &loss, &ms); err != nil {
		return 0, 0, false
	}
	return loss, ms / 1e3, true
}

// llmcOrder is the order of a checkpoint of llm.c: each of the blocks' arrays for all
// blocks, one after the other.
var llmcOrder = []string{"transformer.wte.weight", "transformer.wpe.weight",
	"ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
	"ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias",
	"transformer.ln_f.weight", "transformer.ln_f.bias"}

// writeLLMC writes a checkpoint and a text for training and validation, each behind a
// header of 256 numbers.
func writeLLMC(dir string, w trial.Work, params []nn.Param, text []int32) error {
	header := func(numbers ...uint32) []byte {
		b := make([]byte, 4*256)
		for i, n := range numbers {
			binary.LittleEndian.PutUint32(b[4*i:], n)
		}
		return b
	}
	byName := map[string][]float32{}
	for _, p := range params {
		byName[p.Name] = p.Data // (out, in), as there
	}
	vocab := uint32(w.Vocab)
	out := header(20240326, 3, uint32(w.Context), vocab, uint32(w.Layers), uint32(w.Heads), uint32(w.Width), vocab)
	for _, name := range llmcOrder {
		names := []string{name}
		if byName[name] == nil {
			names = nil
			for l := range w.Layers {
				names = append(names, fmt.Sprintf("transformer.h.%d.%s", l, name))
			}
		}
		for _, n := range names {
			data, ok := byName[n]
			if !ok {
				return fmt.Errorf("the model has no %s", n)
			}
			for _, x := range data {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, llmcModel), out, 0o666); err != nil {
		return err
	}
	ids := header(20240520, 1, uint32(len(text)))
	for _, id := range text {
		ids = binary.LittleEndian.AppendUint16(ids, uint16(id))
	}
	for _, split := range []string{"train", "val"} {
		path := filepath.Join(dir, fmt.Sprintf(llmcText, split))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, ids, 0o666)); err != nil {
			return err
		}
	}
	return nil
}
