package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model"
	"fragua/pipeline/fault"
	"fragua/tokenize"
)

func attendCommand() *cli.Command {
	return &cli.Command{
		Name:      "attend",
		Usage:     "show where the heads of a model look in a text",
		ArgsUsage: "MODEL TEXT",
		Description: `fragua attend runs/quickstart/base 'The light of the forge'              a line for each head
fragua attend runs/quickstart/base --head 2.1 'The light of the forge'   head 1 of layer 2, token by token`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "head", Usage: "show one head, `LAYER.HEAD`, token by token"},
			&cli.IntFlag{Name: "top", Value: 4, Usage: "how many of the tokens looked at"},
		},
		Action: attendAction,
	}
}

func attendAction(c *cli.Context) error {
	if c.NArg() != 2 {
		return fault.Hintf(usage("a model and a text are wanted, not %d arguments", c.NArg()), "%s", example(c.Command))
	}
	if c.Int("top") < 1 {
		return usage("--top is %d, but at least 1 is wanted", c.Int("top"))
	}
	m, err := model.Open(c.Args().Get(0))
	if err != nil {
		return err
	}
	tok, err := tokenize.Load(filepath.Join(c.Args().Get(0), "tokenizer.json"))
	if err != nil {
		return err
	}
	ids, err := tok.AppendIDs(nil, c.Args().Get(1))
	if err != nil {
		return err
	}
	if ids = tok.WithTemplate(ids); len(ids) < 2 {
		return usage("a text of %d tokens, but at least 2 are wanted", len(ids))
	}
	looks, err := model.Looks(m, ids)
	if err != nil {
		return fault.Hintf(fmt.Errorf("%s: %w", c.Args().Get(0), err), "a GPT, a Llama and their kin do")
	}
	v := view{ids: ids, top: c.Int("top")}
	for _, id := range ids {
		v.tokens = append(v.tokens, strconv.Quote(string(tok.AppendBytes(nil, id))))
	}
	if c.String("head") == "" {
		fmt.Fprint(c.App.Writer, v.all(looks))
		return nil
	}
	layer, head, ok := strings.Cut(c.String("head"), ".")
	l, err := strconv.Atoi(layer)
	h, err2 := strconv.Atoi(head)
	if !ok || err != nil || err2 != nil || l < 1 || l > len(looks) || h < 1 || h > len(looks[l-1]) {
		return usage("--head is %q, but LAYER.HEAD is wanted, 1.1 to %d.%d", c.String("head"), len(looks), len(looks[0]))
	}
	fmt.Fprint(c.App.Writer, v.one(looks[l-1][h-1]))
	return nil
}

// A view is a text of which is shown what is looked at.
type view struct {
	ids    []int32
	tokens []string // as they are shown
	top    int
}

// all is a line for each head: how much of its attention goes to the token itself, to the one before and to the first, averaged over
// the tokens from the third on, and what the last token looks at.
func (v *view) all(looks []model.Look) string {
	n := len(v.ids)
	var b strings.Builder
	fmt.Fprintf(&b, "head   itself  before  first   what the last token, %s, looks at\n", v.tokens[n-1])
	for l, heads := range looks {
		for h, look := range heads {
			var itself, before, first float32
			for i := min(2, n-1); i < n; i++ {
				row := look[i*n:][:n]
				itself, before, first = itself+row[i], before+row[i-1], first+row[0]
			}
			of := float32(n - min(2, n-1))
			fmt.Fprintf(&b, "%-6s %5.2f   %5.2f   %5.2f   %s\n", fmt.Sprintf("%d.%d", l+1, h+1), itself/of, before/of, first/of, v.most(look[(n-1)*n:]))
		}
	}
	return b.String()
}

// one is a line for each token: what it looks at.
func (v *view) one(look []float32) string {
	n, wide := len(v.ids), 0
	for _, t := range v.tokens {
		wide = max(wide, len([]rune(t)))
	}
	var b strings.Builder
	for i, t := range v.tokens {
		fmt.Fprintf(&b, "%s%s  %s\n", t, strings.Repeat(" ", wide-len([]rune(t))), v.most(look[i*n:][:n]))
	}
	return b.String()
}

// most lists the tokens that are looked at most.
func (v *view) most(row []float32) string {
	order := make([]int, 0, len(row))
	for i, p := range row {
		if p > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
	var parts []string
	for _, i := range order[:min(v.top, len(order))] {
		parts = append(parts, fmt.Sprintf("%s %.2f", v.tokens[i], row[i]))
	}
	return strings.Join(parts, ", ")
}
