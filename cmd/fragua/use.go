package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model"
	"fragua/model/train"
	"fragua/pipeline"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
	"fragua/tokenize"
)

var machineFlags = []cli.Flag{workersFlag, cpuFlag, noVerifyFlag}

// modelDir returns where a model's folder lies on this machine, and refuses what is
// none.
func modelDir(ctx context.Context, name string) (dir string, err error) {
	if dir, err = store.FetchFolder(ctx, name); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err == nil {
		return dir, nil
	}
	if file, err := model.GGUFFile(dir); file != "" || err != nil {
		return dir, err
	}
	return "", fault.Hintf(usage("%s holds no model: there is no config.json", name), "give the folder of a pretrain or finetune stage, such as runs/quickstart/base, that of a checkpoint, or a GGUF file")
}

// verifyModel compares the files of a stage of ours with their checksums, so that
// a flipped bit is an error and no other answer. A folder from elsewhere has none.
func verifyModel(c *cli.Context, dir string) error {
	if c.Bool("no-verify") {
		return nil
	}
	return verifyResult(dir)
}

func verifyResult(dir string) error {
	if !isDir(dir) { // a GGUF file is a model, too
		return nil
	}
	m, err := pipeline.ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = pipeline.Dir{Path: dir, Manifest: m}.Verify()
	}
	if err != nil {
		return fault.Hintf(err, "make it again: run its stage with --force; --no-verify uses it as it is")
	}
	return nil
}

// openModel reads a model directory with its tokenizer.
func openModel(c *cli.Context, name string) (model.LanguageModel, *tokenize.Tokenizer, error) {
	dir, err := modelDir(c.Context, name)
	if err != nil {
		return nil, nil, err
	}
	if err := verifyModel(c, dir); err != nil {
		return nil, nil, err
	}
	m, tok, err := readModel(dir)
	if err != nil {
		return nil, nil, err
	}
	return m, tok, adaptModel(m, c.StringSlice("adapter"))
}

var adapterFlag = &cli.StringSliceFlag{Name: "adapter", Usage: "an adapter's `FOLDER`, as PEFT writes it, which is added to the model's weights; several add up"}

// adaptModel adds adapters to the weights of a model.
func adaptModel(m model.Model, dirs []string) error {
	for _, dir := range dirs {
		_, heads, err := model.OpenAdapter(m, dir)
		if err != nil {
			return err
		}
		if len(heads) > 0 {
			return fault.Hintf(usage("%s was trained with a head that names classes", dir), "fragua predict --adapter %s uses it", dir)
		}
	}
	model.MergeAdapters(m)
	return nil
}

func readModel(dir string) (model.LanguageModel, *tokenize.Tokenizer, error) {
	m, err := model.OpenLanguageModel(dir)
	if err != nil {
		return nil, nil, err
	}
	tok, err := tokenize.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	if tok.VocabSize() > m.Vocab() {
		return nil, nil, fmt.Errorf("%s: the tokenizer has %d ids, the model only %d", dir, tok.VocabSize(), m.Vocab())
	}
	return m, tok, nil
}

// openGenerator reads whatever can go on with a text: a model, or a mixture. Its weights are kept as
// --weights says.
func openGenerator(c *cli.Context, name string) (model.Generator, *tokenize.Tokenizer, error) {
	dir, err := modelDir(c.Context, name)
	if err != nil {
		return nil, nil, err
	}
	if err := verifyModel(c, dir); err != nil {
		return nil, nil, err
	}
	m, err := train.OpenGenerator(dir)
	if err != nil {
		return nil, nil, err
	}
	tok, err := tokenize.Load(dir)
	if err != nil {
		return nil, nil, err
	}
	if tok.VocabSize() > m.Vocab() {
		return nil, nil, fmt.Errorf("%s: the tokenizer has %d ids, the model only %d", dir, tok.VocabSize(), m.Vocab())
	}
	weights, net := c.String("weights"), m
	if mixture, ok := m.(*train.Mixture); ok {
		net = mixture.Network()
	}
	if lm, ok := net.(model.LanguageModel); ok {
		err = model.Quantize(lm, weights)
	}
	return m, tok, err
}

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:      "generate",
		Usage:     "let a model go on with a text",
		ArgsUsage: "MODEL",
		Description: `fragua generate runs/quickstart/base --prompt 'The light' --tokens 60
fragua generate runs/quickstart/base -i
fragua generate runs/quickstart/base --prompt 'The light' --weights int8
fragua generate base --adapter poems --prompt 'The light'`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "prompt", Aliases: []string{"p"}, Usage: "`TEXT` to go on with"},
			&cli.BoolFlag{Name: "interactive", Aliases: []string{"i"}, Usage: "ask for one prompt after another, and go on with all that was said; " + forget + " begins anew"},
			&cli.IntFlag{Name: "tokens", Aliases: []string{"n"}, Value: 100, Usage: "at most this many tokens"},
			&cli.Float64Flag{Name: "temperature", Value: 0.8, Usage: "below 1 safer, above 1 wilder; 0: always the likeliest"},
			&cli.IntFlag{Name: "top-k", Value: 50, Usage: "draw from the k likeliest only; 0: from all"},
			&cli.Float64Flag{Name: "top-p", Usage: "draw from the fewest that hold this probability; 0: from all"},
			&cli.Float64Flag{Name: "repetition-penalty", Usage: "above 1: less of what is there already"},
			&cli.Uint64Flag{Name: "seed", Value: 1337, Usage: "the same seed gives the same text"},
			adapterFlag,
			&cli.StringFlag{Name: "weights", Value: "f32", Usage: "what to keep weights in: f32, bf16 (half the memory, up to twice the speed) or int8 (a quarter, up to four times)"},
		}, machineFlags...),
		Action: generateAction,
	}
}

func generateAction(c *cli.Context) error {
	dir, err := oneArgument(c, "model")
	if err != nil {
		return err
	}
	if err := setMachine(c); err != nil {
		return err
	}
	sampler := model.Sampler{Temperature: c.Float64("temperature"), TopK: c.Int("top-k"), TopP: c.Float64("top-p"), Repetition: c.Float64("repetition-penalty"), Seed: c.Uint64("seed")}
	if faults := sampler.Check(); len(faults) > 0 {
		return usage("%s", faults[0].Err)
	}
	if n := c.Int("tokens"); n < 1 {
		return usage("--tokens is %d, but at least 1 is wanted", n)
	}
	if w := c.String("weights"); !slices.Contains(model.WeightKinds, w) {
		return usage("--weights: there are none of %q, only %s", w, strings.Join(model.WeightKinds, ", "))
	}
	m, tok, err := openGenerator(c, dir)
	if err != nil {
		return err
	}
	if !c.Bool("interactive") {
		return generate(c.Context, c.App.Writer, m, tok, c.String("prompt"), c.Int("tokens"), sampler)
	}
	t := &talk{m: m, tok: tok}
	in := bufio.NewScanner(os.Stdin)
	fmt.Fprint(c.App.Writer, "> ")
	for ; in.Scan(); sampler.Seed++ {
		if in.Text() == forget {
			t = &talk{m: m, tok: tok}
		} else if err := t.say(c.Context, c.App.Writer, in.Text(), c.Int("tokens"), sampler); err != nil {
			return err
		}
		fmt.Fprint(c.App.Writer, "> ")
	}
	fmt.Fprintln(c.App.Writer)
	return in.Err()
}
