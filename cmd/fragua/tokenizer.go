package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"fragua/pipeline"
	"fragua/pipeline/extract"
	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/textstat"
	"fragua/tokenize"
)

func tokenizerCommand() *cli.Command {
	unit := &cli.StringFlag{Name: "unit", Value: "line", Usage: "`line` or doc: what is encoded or learned from at once"}
	file := &cli.StringFlag{Name: "tokenizer", Aliases: []string{"t"}, Usage: "tokenizer.json, a `FILE`.tiktoken, vocab.json, or a folder that holds one", Required: true}
	return &cli.Command{
		Name:  "tokenizer",
		Usage: "learn, apply, inspect, compare and cross-check tokenizers",
		Description: `fragua tokenizer train --vocab-size 8192 --out tokenizer.json books/*.txt
fragua tokenizer encode --tokenizer tokenizer.json --json book.txt
fragua tokenizer encode --tokenizer tokenizer.json --color book.txt
fragua tokenizer compare --text book.txt tokenizer.json cl100k_base.tiktoken`,
		Subcommands: []*cli.Command{
			{Name: "train", Usage: "learn byte-level BPE from files", ArgsUsage: "FILE…|-", Action: tokenizerTrain,
				Description: "fragua tokenizer train --vocab-size 8192 --out tokenizer.json books/*.txt",
				Flags: []cli.Flag{
					&cli.IntSliceFlag{Name: "vocab-size", Value: cli.NewIntSlice(8192), Usage: "tokens in all; several sizes, with commas between them, come of one pass: tokenizer-8192.json …"},
					&cli.StringFlag{Name: "pattern", Value: "gpt2", Usage: "how text is cut first: " + strings.Join(tokenize.PatternNames(), ", ") + ", or a regular expression"},
					unit,
					&cli.StringFlag{Name: "ties", Value: "hf", Usage: "whose order decides between equally frequent pairs: `hf` or bytes"},
					&cli.IntFlag{Name: "min-frequency", Usage: "a pair that occurs less often is not merged"},
					&cli.IntFlag{Name: "max-token-length", Usage: "longest token in bytes; 0: any"},
					&cli.StringSliceFlag{Name: "special", Usage: "special tokens, `TOKEN,…` (default: those of the stage tokenizer)"},
					&cli.StringFlag{Name: "extend", Usage: "a tokenizer.json whose merges are kept, and more learned"},
					&cli.IntFlag{Name: "max-words", Value: tokenize.NewLearn().MaxWords, Usage: "memory: beyond twice this many distinct words the rarest are forgotten, which is reported; 0: no limit"},
					&cli.StringFlag{Name: "column", Usage: "of JSON lines that holds the text (default text)"},
					&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Value: "tokenizer.json", Usage: "where it is written: a tokenizer.json, or a rank file if the name ends in .tiktoken"},
					&cli.BoolFlag{Name: "reject-invalid", Usage: "bytes that are not UTF-8 are an error"},
					workersFlag,
				}},
			{Name: "encode", Usage: "turn text into ids", ArgsUsage: "FILE|-", Action: tokenizerEncode,
				Description: "fragua tokenizer encode --tokenizer tokenizer.json --json book.txt",
				Flags: []cli.Flag{file, unit,
					&cli.BoolFlag{Name: "json", Usage: "one JSON array of ids for each line, or document (the default)"},
					&cli.BoolFlag{Name: "color", Usage: "show the pieces in colours"},
					&cli.BoolFlag{Name: "special", Usage: "special tokens in the text get their ids: for trusted text only"},
					&cli.BoolFlag{Name: "template", Usage: "with what the tokenizer puts around a text"},
					&cli.BoolFlag{Name: "reject-invalid", Usage: "bytes that are not UTF-8 are an error"},
				}},
			{Name: "decode", Usage: "turn JSON arrays of ids, or bare ids, into text", ArgsUsage: "FILE|-|ID…", Action: tokenizerDecode,
				Description: "fragua tokenizer decode --tokenizer tokenizer.json 464 1657",
				Flags:       []cli.Flag{file, &cli.BoolFlag{Name: "special", Usage: "write special tokens as well"}}},
			{Name: "inspect", Usage: "show a tokenizer, by itself and at work on texts", ArgsUsage: "TOKENIZER [FILE…]", Action: tokenizerInspect,
				Description: "fragua tokenizer inspect tokenizer.json books/*.txt",
				Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as JSON"}, &cli.IntFlag{Name: "top", Value: 12, Usage: "how many tokens of each list"}}},
			tokenizerCheckCommand(),
			{Name: "compare", Usage: "set tokenizers side by side on one text", ArgsUsage: "TOKENIZER…", Action: tokenizerCompare,
				Description: "fragua tokenizer compare --text book.txt tokenizer.json cl100k_base.tiktoken",
				Flags:       []cli.Flag{&cli.StringSliceFlag{Name: "text", Usage: "the text, a `FILE`; may be given again", Required: true}, &cli.BoolFlag{Name: "json", Usage: "as JSON"}}},
		},
	}
}

// oneOf refuses a flag's value that is none of an enumeration.
func oneOf[E interface {
	~string
	settings.Enum
}](flag, value string) (E, error) {
	e := E(value)
	if !slices.Contains(e.Values(), value) {
		return e, usage("--%s is %q, but it must be one of: %s", flag, value, strings.Join(e.Values(), ", "))
	}
	return e, nil
}

func tokenizerTrain(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which files?"), "%s", example(c.Command))
	}
	unit, err := oneOf[tokenize.Unit]("unit", c.String("unit"))
	if err != nil {
		return err
	}
	ties, err := oneOf[tokenize.Ties]("ties", c.String("ties"))
	if err != nil {
		return err
	}
	learn := tokenize.NewLearn()
	sizes := c.IntSlice("vocab-size")
	learn.Pattern, learn.Unit, learn.Ties = c.String("pattern"), unit, ties
	learn.MinFrequency, learn.MaxTokenLength, learn.MaxWords = c.Int("min-frequency"), c.Int("max-token-length"), c.Int("max-words")
	if c.IsSet("special") {
		learn.Special = commaList(c, "special")
	}
	if x := c.String("extend"); x != "" {
		learn.Extend = settings.NewPath(".", x)
	}
	for _, size := range sizes {
		learn.VocabSize = size
		if faults := learn.Check(); len(faults) > 0 {
			return fault.Hintf(usage("%s", faults[0].Err), "%s", faults[0].Hint)
		}
	}
	learn.VocabSize = slices.Max(sizes)
	paths, err := fetched(c.Context, c.Args().Slice())
	if err != nil {
		return err
	}
	show := newShow(os.Stderr, nil)
	trained, err := learn.Files(c.Context, tokenize.Files{
		Paths: paths, Stdin: os.Stdin, Column: c.String("column"), Workers: workers(c.Int("workers")),
		Reject: c.Bool("reject-invalid"),
		Phase: func(name string) pipeline.Progress {
			meter := new(pipeline.Meter)
			show.observe(pipeline.Event{Kind: pipeline.EventPhase, Stage: "tokenizer", Phase: name, Meter: meter, Position: 1, Stages: 1})
			return meter
		},
	})
	show.close()
	if err != nil {
		return err
	}
	for _, w := range trained.Warnings {
		fmt.Fprintln(c.App.ErrWriter, "fragua: note:", w)
	}
	fmt.Fprintf(c.App.Writer, "%s merges learned from %s in %s pieces (%s distinct)\n",
		number(int64(trained.Merges)), bytesText(trained.Bytes), number(trained.Pieces), number(int64(trained.Words)))
	for _, size := range sizes {
		tok, err := trained.Tokenizer(size)
		if err != nil {
			return err
		}
		out := c.String("out")
		if len(sizes) > 1 {
			ext := filepath.Ext(out)
			out = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(out, ext), size, ext)
		}
		if err := tok.Save(out); err != nil {
			return err
		}
		fmt.Fprintf(c.App.Writer, "%s: %s tokens\n", out, number(int64(tok.VocabSize())))
	}
	return nil
}

// input opens a file, or standard input for -.
func input(c *cli.Context) (io.ReadCloser, error) {
	arg, err := oneArgument(c, "file")
	if err != nil || arg == "-" {
		return os.Stdin, err
	}
	return openInput(c.Context, arg)
}

func tokenizerEncode(c *cli.Context) error {
	unit, err := oneOf[tokenize.Unit]("unit", c.String("unit"))
	if err != nil {
		return err
	}
	tok, err := tokenize.Load(c.String("tokenizer"))
	if err != nil {
		return err
	}
	in, err := input(c)
	if err != nil {
		return err
	}
	defer in.Close()
	if !c.Bool("color") {
		return tok.EncodeJSON(c.App.Writer, in, tokenize.EncodeOptions{Unit: unit, Special: c.Bool("special"), Template: c.Bool("template"), Reject: c.Bool("reject-invalid")})
	}
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if c.Bool("reject-invalid") && !utf8.Valid(b) {
		return fault.Hintf(errors.New("the text is not UTF-8"), "convert it, or let such bytes be encoded one by one")
	}
	// Neighbouring pieces get different backgrounds; a piece that is half a character is
	// shown by its bytes.
	backgrounds := []int{153, 157, 229, 217, 189}
	pieces, err := tok.Pieces(string(b), c.Bool("special"))
	if err != nil {
		return err
	}
	out := colourWriter(c.App.Writer)
	for i, p := range pieces {
		text := p.Text
		if !utf8.ValidString(text) {
			text = fmt.Sprintf("‹% X›", text)
		}
		text = strings.ReplaceAll(fault.Printable(text), "\n", "⏎\x1b[0m\n")
		fmt.Fprintf(out, "\x1b[30;48;5;%dm%s\x1b[0m", backgrounds[i%len(backgrounds)], text)
	}
	fmt.Fprintln(out)
	return nil
}

func tokenizerDecode(c *cli.Context) error {
	tok, err := tokenize.Load(c.String("tokenizer"))
	if err != nil {
		return err
	}
	var ids []int32
	for _, a := range c.Args().Slice() {
		id, err := strconv.ParseInt(a, 10, 32)
		if err != nil {
			ids = nil
			break
		}
		ids = append(ids, int32(id))
	}
	if len(ids) > 0 {
		for _, id := range ids {
			if _, ok := tok.Token(id); !ok {
				return fault.Hintf(fmt.Errorf("there is no token with the id %d", id), "the ids were made with another tokenizer; this one's are below %d", tok.VocabSize())
			}
		}
		text := tok.Decode(ids)
		if c.Bool("special") {
			text = tok.DecodeAll(ids)
		}
		fmt.Fprintln(c.App.Writer, text)
		return nil
	}
	in, err := input(c)
	if err != nil {
		return err
	}
	defer in.Close()
	return tok.DecodeJSON(c.App.Writer, in, c.Bool("special"))
}

// eachText reads files as the trainer does, and names the language where the file does not.
func eachText(ctx context.Context, files []string, each func(text, language string) error) error {
	files, err := fetched(ctx, files)
	if err != nil {
		return err
	}
	return tokenize.Files{Paths: files, Stdin: os.Stdin, Workers: 1}.Texts("doc", func(text, language string) error {
		if language == "" {
			readable, _, err := extract.Decode([]byte(text), "") // ids are those of the bytes as they are
			if err != nil {
				readable = text
			}
			if n := len(readable); n > 3*textstat.LanguageSample { // a book of any language begins and ends with a licence in English
				readable = strings.ToValidUTF8(readable[n/3:2*n/3], "")
			}
			language, _ = textstat.Language(readable)
		}
		return each(text, language)
	})
}

func tokenizerInspect(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which tokenizer?"), "%s", example(c.Command))
	}
	tok, err := tokenize.Load(c.Args().First())
	if err != nil {
		return err
	}
	inspector := tokenize.NewInspector(tok)
	if err := eachText(c.Context, c.Args().Tail(), inspector.Add); err != nil {
		return err
	}
	in := inspector.Inspection(c.Int("top"))
	if c.Bool("json") {
		return writeJSON(c.App.Writer, in)
	}
	w := c.App.Writer
	fmt.Fprintf(w, "%s tokens", number(int64(in.Vocabulary)))
	if in.Pattern != "" {
		fmt.Fprintf(w, ", text is cut by %s", in.Pattern)
	}
	fmt.Fprintln(w)
	var special []string
	for _, s := range in.Special {
		special = append(special, fmt.Sprintf("%s %d", s.Content, s.ID))
	}
	fmt.Fprintf(w, "special      %s\n", strings.Join(special, ", "))
	list := func(what string, uses []tokenize.TokenUse, counts bool) {
		if len(uses) == 0 {
			return
		}
		var parts []string
		for _, u := range uses {
			p := strconv.Quote(u.Token)
			if counts {
				p += " " + number(u.N)
			}
			parts = append(parts, p)
		}
		fmt.Fprintf(w, "%-12s %s\n", what, strings.Join(parts, ", "))
	}
	list("longest", in.Longest, false)
	list("frequent", in.Frequent, true)
	list("rare", in.Rare, true)
	list("undertrained", in.Undertrained, false)
	if in.All.Documents > 0 {
		fmt.Fprintf(w, "unused       %s of %s\n", number(int64(in.Unused)), number(int64(in.Vocabulary)))
		rows := efficiencyTable(w)
		rows.AppendRow(efficiencyRow("all", in.All))
		for _, l := range slices.Sorted(maps.Keys(in.Languages)) {
			rows.AppendRow(efficiencyRow(l, *in.Languages[l]))
		}
		rows.Render()
	}
	for _, note := range in.Warnings {
		fmt.Fprintln(w, "note         "+note)
	}
	return nil
}

func efficiencyTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"", "tokens", "bytes", "bytes/token", "tokens/word"})
	return t
}

func efficiencyRow(name string, e tokenize.Efficiency) table.Row {
	return table.Row{name, number(e.Tokens), number(e.Bytes), fmt.Sprintf("%.3f", e.BytesPerToken), fmt.Sprintf("%.3f", e.Fertility)}
}

func tokenizerCompare(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which tokenizers?"), "%s", example(c.Command))
	}
	var comparer tokenize.Comparer
	for _, file := range c.Args().Slice() {
		tok, err := tokenize.Load(file)
		if err != nil {
			return err
		}
		name := filepath.Base(file)
		if name == "tokenizer.json" { // every tokenizer is called so: its folder says more
			name = filepath.Base(filepath.Dir(file)) + "/" + name
		}
		comparer.Put(name, tok)
	}
	if err := eachText(c.Context, c.StringSlice("text"), comparer.Add); err != nil {
		return err
	}
	rows := comparer.Rows()
	if c.Bool("json") {
		return writeJSON(c.App.Writer, rows)
	}
	t := efficiencyTable(c.App.Writer)
	for _, r := range rows {
		t.AppendRow(efficiencyRow(fmt.Sprintf("%s (%s)", r.Name, number(int64(r.Vocabulary))), r.All))
		for _, l := range slices.Sorted(maps.Keys(r.Languages)) {
			t.AppendRow(efficiencyRow("  "+l, *r.Languages[l]))
		}
	}
	t.Render()
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
