package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestPermute(t *testing.T) {
	app := &cli.App{Commands: []*cli.Command{
		{Name: "run", Flags: []cli.Flag{&cli.BoolFlag{Name: "dry-run"}, &cli.StringFlag{Name: "out", Aliases: []string{"o"}}, &cli.StringSliceFlag{Name: "set"}}},
		{Name: "tokenizer", Subcommands: []*cli.Command{{Name: "train", Flags: []cli.Flag{&cli.IntFlag{Name: "vocab-size"}}}}},
	}}
	for _, c := range []struct{ in, want string }{
		{"fragua run quickstart --dry-run", "fragua run --dry-run quickstart"},
		{"fragua run quickstart --out dir", "fragua run --out dir quickstart"},
		{"fragua run quickstart --out=dir -o x", "fragua run --out=dir -o x quickstart"},
		{"fragua run --set a=b c.yaml --set d=e", "fragua run --set a=b --set d=e c.yaml"},
		{"fragua tokenizer train a.txt --vocab-size 300 b.txt", "fragua tokenizer train --vocab-size 300 a.txt b.txt"},
		{"fragua run -- --odd.yaml --dry-run", "fragua run -- --odd.yaml --dry-run"},
		{"fragua run -", "fragua run -"},
		{"fragua run q --unknown", "fragua run --unknown q"},
		{"fragua run q --out", "fragua run --out q"},
		{"fragua", "fragua"},
	} {
		if got := permute(app, strings.Fields(c.in)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s:\n got %s\nwant %s", c.in, strings.Join(got, " "), c.want)
		}
	}
}
