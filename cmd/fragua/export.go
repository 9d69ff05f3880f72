package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/cmd/fragua/export"
	"fragua/model/embed"
	"fragua/pipeline"
	"fragua/pipeline/fault"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write a model or documents in the form that another program reads",
		ArgsUsage: "MODEL|STAGE",
		Description: `fragua export runs/quickstart/base --to base-hf
fragua export runs/quickstart/base --to base-hf --type bfloat16
fragua export runs/quickstart/base --to base.gguf --type q8_0
fragua export runs/quickstart/base --to base-ollama --format ollama
fragua export runs/quickstart/words --to vectors.txt --format word2vec
fragua export runs/quickstart/ngram --to model.arpa
fragua export runs/quickstart/split --to documents.jsonl
fragua export runs/quickstart/split --to dataset
fragua export runs/mine/tuned --to adapter --format peft

A model becomes a Hugging Face folder, or what --format or the ending of --to says: gguf (llama.cpp), ollama,
peft (the adapter of a fine-tuning and its base), word2vec or arpa (n-grams). Documents and examples become a folder
that datasets.load_dataset opens, or a .jsonl, .csv or .arrow file.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "the `FOLDER` or file that is written", Required: true},
			&cli.StringFlag{Name: "format", Usage: "hf, gguf, ollama, peft, word2vec, arpa, dataset, jsonl, csv or arrow (default: by the ending of --to)"},
			&cli.StringFlag{Name: "type", Usage: "of weights: float32, float16, bfloat16; in a GGUF file f32, f16, bf16, q8_0, q6_k, q4_k (default: float32, f16)"},
		},
		Action: exportAction,
	}
}

func importCommand() *cli.Command {
	return &cli.Command{
		Name:        "import",
		Usage:       "make a model's folder of a GGUF file",
		ArgsUsage:   "FILE.gguf",
		Description: "fragua import SmolLM2-135M-Instruct.Q4_1.gguf --to smollm2",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "to", Usage: "the `FOLDER` that is written", Required: true}},
		Action: func(c *cli.Context) error {
			from, err := oneArgument(c, "file")
			if err != nil {
				return err
			}
			if !strings.HasSuffix(from, ".gguf") {
				return fault.Hintf(usage("%s is no GGUF file", from), "a folder with config.json and safetensors needs no import: name it where a model is wanted")
			}
			return export.Folder(from, c.String("to"), "float32")
		},
	}
}

// formatOf is the format that --format or the ending of the target says.
func formatOf(c *cli.Context, from, to string) string {
	if f := c.String("format"); f != "" {
		return f
	}
	switch filepath.Ext(to) {
	case ".gguf":
		return "gguf"
	case ".arpa":
		return "arpa"
	case ".jsonl":
		return "jsonl"
	case ".csv":
		return "csv"
	case ".arrow", ".feather":
		return "arrow"
	}
	if embed.Is(from) {
		return "word2vec"
	}
	if m, err := pipeline.ReadManifest(from); err == nil && m.Kind != pipeline.Model || filepath.Ext(from) == ".parquet" {
		return "dataset"
	}
	return "hf"
}

func exportAction(c *cli.Context) error {
	from, err := oneArgument(c, "model or stage")
	if err != nil {
		return err
	}
	to, kind := c.String("to"), c.String("type")
	format := formatOf(c, from, to)
	data := slices.Contains([]string{"dataset", "jsonl", "csv", "arrow"}, format)
	if data && kind != "" || kind != "" && (format == "word2vec" || format == "arpa") {
		return usage("--type is of weights, and there are none in %s", format)
	}
	if !data && format != "arpa" && !(format == "word2vec" && embed.Is(from)) {
		if from, err = modelDir(c.Context, from); err != nil {
			return err
		}
	}
	if same(from, to) {
		return usage("--to %s is what is read", to)
	}
	orElse := func(fallback string) string {
		if kind == "" {
			return fallback
		}
		return kind
	}
	var notes []string
	switch format {
	case "hf":
		err = export.Folder(from, to, orElse("float32"))
	case "gguf":
		notes, err = export.GGUF(from, to, orElse("f16"))
	case "ollama":
		notes, err = export.Ollama(from, to, orElse("f16"))
	case "peft":
		err = export.Adapter(from, to, orElse("float32"))
	case "word2vec":
		err = export.Word2vec(from, to)
	case "arpa":
		err = export.ARPA(from, to)
	case "dataset":
		err = export.Dataset(from, to)
	case "jsonl", "csv":
		err = export.Rows(from, to, format)
	case "arrow":
		err = export.Arrow(from, to)
	default:
		return usage("--format: there is no %q, only hf, gguf, ollama, peft, word2vec, arpa, dataset, jsonl, csv and arrow", format)
	}
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(c.App.ErrWriter, "note:", n)
	}
	fmt.Fprintln(c.App.Writer, to)
	return nil
}

// same reports whether two paths are one folder or file.
func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
