package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/pipeline/fault"
	"fragua/tokenize"
	"fragua/tokenize/sugar"
)

func tokenizerCheckCommand() *cli.Command {
	return &cli.Command{Name: "check", Usage: "cross-check a tokenizer.json: do its ids agree with those of sugarme/tokenizer?", ArgsUsage: "FILE [TEXT…]", Action: tokenizerCheck,
		Description: "fragua tokenizer check tokenizer.json \"the smith's forge\"\nWithout a text, a list of texts is checked on which tokenizers often differ."}
}

// checkTexts are texts on which tokenizers often differ.
var checkTexts = []string{
	"the smith's forge", " leading space", "trailing space ", "two  spaces", "a\tb", "line\nline\n\nline\r\nline", "\n", " ",
	"Don't touch it, she'll SHOUT: I'VE TOLD YOU!", "1234567 17:05 3.14 1e9", "x+=1;/* if (y) {} */", "https://example.org/a?b=c#d",
	"¡cuánto ruido! — y la niña se rió", "cafe\u0301 café", "Straße ẞ İ ı ﬁ", "ΣΑΣ Кузнец куёт", "鍛冶屋が鉄を打つ。", "한국어 텍스트", "عربي ١٢٣", "हिन्दी",
	"🔨👩‍🏭🇪🇸", "zero\u200bwidth\u00a0space", "[CLS] [SEP] <s> </s> <|endoftext|>", "supercalifragilisticexpialidocious",
}

func tokenizerCheck(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which tokenizer.json?"), "%s", example(c.Command))
	}
	file, texts := c.Args().First(), c.Args().Tail()
	if len(texts) == 0 {
		texts = checkTexts
	}
	ours, err := tokenize.Load(file)
	if err != nil {
		return err
	}
	theirs, err := sugar.Load(file)
	if err != nil {
		return fault.Hintf(fmt.Errorf("%s: sugarme/tokenizer cannot load it: %w", file, err), "there is nothing to compare with; fragua loads it")
	}
	differences, err := sugar.Compare(ours, theirs, texts)
	if err != nil {
		return err
	}
	w := c.App.Writer
	fmt.Fprintf(w, "%s: the ids agree for %d of %s\n", file, len(texts)-len(differences), plural(len(texts), "text"))
	for _, d := range differences {
		same := 0
		for same < min(len(d.Ours), len(d.Theirs)) && d.Ours[same] == d.Theirs[same] {
			same++
		}
		fmt.Fprintf(w, "\n%q, from token %d on\n  fragua   ", d.Text, same)
		writeTokens(w, ours, d.Ours[same:])
		fmt.Fprint(w, "  sugarme  ")
		if d.Err != nil {
			fmt.Fprintf(w, "failed: %q\n", d.Err)
			continue
		}
		writeTokens(w, ours, d.Theirs[same:])
	}
	return nil
}

// writeTokens writes ids with the tokens that they stand for.
func writeTokens(w io.Writer, tok *tokenize.Tokenizer, ids []int32) {
	var out []string
	for _, id := range ids {
		token, ok := tok.Token(id)
		if !ok {
			token = "?"
		}
		out = append(out, fmt.Sprintf("%d %q", id, token))
	}
	fmt.Fprintln(w, strings.Join(out, ", "))
}
