package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline/extract"
)

// licenceWords are what only the header, the licence and the credits of a Project
// Gutenberg file say.
var licenceWords = []string{"project gutenberg", "gutenberg.org", "gutenberg.net", "pgdp", "small print", " etext", "e-text", "distributed proofread"}

// books shows what becomes of books, as plain text or HTML: a line a file with what of
// Project Gutenberg's licence and credits is left, how many bytes went, and how many chapters
// were found.
func books(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("books", flag.ExitOnError)
	list := flags.Bool("list", false, "print each line that is left of a licence, and the headings of each book")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench books [flags] DIR   a folder of books as .txt, .htm or .html")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("name one folder")
	}
	var files []string
	err := filepath.WalkDir(flags.Arg(0), func(path string, d fs.DirEntry, err error) error {
		if err == nil && slices.Contains([]string{".txt", ".htm", ".html"}, strings.ToLower(filepath.Ext(path))) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("%9s %9s %5s %9s  %s\n", "bytes", "gone", "left", "chapters", "file")
	left, titled := 0, 0
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := readBook(ctx, file)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			continue
		}
		left += len(b.left)
		if b.head.Title != "" && b.head.Author != "" {
			titled++
		}
		fmt.Printf("%9d %9d %5d %9d  %s\n", b.size, b.gone, len(b.left), len(b.headings), filepath.Base(file))
		if *list {
			for _, line := range b.left {
				fmt.Printf("\tleft: %.200s\n", line)
			}
			fmt.Printf("\t%.2000q\n", b.headings)
		}
	}
	fmt.Printf("%d files: %d lines of licences and credits are left; of %d the title and the author are known\n", len(files), left, titled)
	return nil
}

type book struct {
	size, gone int
	head       extract.Header
	left       []string // lines that speak of the project
	headings   []string
}

func readBook(ctx context.Context, file string) (b book, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return b, err
	}
	var text string
	web := strings.HasPrefix(strings.ToLower(filepath.Ext(file)), ".htm")
	if web {
		page, err := extract.VisibleText(ctx, raw)
		if err != nil {
			return b, err
		}
		text = page.Text
	} else if text, _, err = extract.Decode(raw, extract.DeclaredCharset(raw)); err != nil {
		return b, err
	}
	var body string
	body, b.head, _ = extract.Gutenberg(text)
	b.size, b.gone = len(text), len(extract.Lines(text))-len(body)
	for line := range strings.SplitSeq(body, "\n") {
		if lower := strings.ToLower(line); slices.ContainsFunc(licenceWords, func(w string) bool { return strings.Contains(lower, w) }) {
			b.left = append(b.left, line)
		}
	}
	if !web {
		body, _ = extract.PageFurniture(body)
		body = extract.Unwrap(body)
	}
	for _, c := range extract.Chapters(body) {
		if c.Title != "" {
			b.headings = append(b.headings, c.Title)
		}
	}
	return b, nil
}
