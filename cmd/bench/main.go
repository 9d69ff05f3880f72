package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// A command is one subject of comparison.
type command struct {
	name  string
	about string
	run   func(ctx context.Context, args []string) error
}

// commands is the table of subjects.
var commands = []command{
	{"tokenizer", "learning and encoding, beside Hugging Face tokenizers, tiktoken, gigatoken, YouTokenToMe and others, and Go's ports", tokenizer},
	{"webtext", "main text of web pages by page type, beside trafilatura; learns and cross-validates the classifier", webtext},
	{"books", "books as text and HTML: what is left of licences and credits, and the chapters found", books},
	{"corpus", "a large text of real words, many of them altered, to learn from", corpus},
	{"train", "training steps, beside PyTorch and llm.c: same weights, same text, losses compared", trainRace},
	{"quality", "bits per byte of held-out books: the recipe, the old one, n-grams, the mixture, PPMd; a table and a plot", quality},
}

func main() {
	if len(os.Args) > 1 {
		for _, c := range commands {
			if c.name == os.Args[1] {
				ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
				defer stop()
				if err := c.run(ctx, os.Args[2:]); err != nil {
					fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
					os.Exit(1)
				}
				return
			}
		}
	}
	fmt.Fprintln(os.Stderr, "usage: bench SUBJECT [flags]")
	for _, c := range commands {
		fmt.Fprintf(os.Stderr, "  %-10s %s\n", c.name, c.about)
	}
	os.Exit(2)
}
