package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// corpus writes texts again and again until there are this many bytes. In every
// copy but the first, one word of ASCII letters in forty is altered: two letters
// that follow each other change places, or a letter comes in, both anywhere. So
// the text keeps its statistics, and distinct words grow with its size as they
// do in a large corpus.
func corpus(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("corpus", flag.ExitOnError)
	size := flags.Int64("size", 1e9, "bytes, rounded up to whole copies")
	out := flags.String("out", "", "where it is written")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: bench corpus --out BIG.txt [--size N] FILE…   text files, which are read as UTF-8")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	var text string
	for _, name := range flags.Args() {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text += strings.ToValidUTF8(string(data), "\uFFFD")
	}
	if text == "" || *out == "" {
		return errors.New("name texts and where to write: bench corpus --out BIG.txt FILE…")
	}
	file, err := os.Create(*out)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	random := rand.New(rand.NewPCG(7, 11))
	for written := int64(0); written < *size && ctx.Err() == nil; {
		n := writeAltered(w, text, random, written > 0)
		written += n
	}
	return errors.Join(ctx.Err(), w.Flush(), file.Close())
}

// writeAltered writes one copy, and returns how long it is. Errors come with w's Flush.
func writeAltered(w *bufio.Writer, text string, random *rand.Rand, alter bool) (n int64) {
	letter := func(c byte) bool { return (c|0x20)-'a' < 26 }
	var word []byte
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && letter(text[j]) {
			j++
		}
		word = append(word[:0], text[i:j]...)
		if len(word) == 0 {
			word = append(word, text[i])
			j++
		} else if alter && random.IntN(40) == 0 {
			k := random.IntN(len(word))
			if random.IntN(2) == 1 {
				word = append(word[:k], append([]byte{byte('a' + random.IntN(26))}, word[k:]...)...)
			} else if k+1 < len(word) {
				word[k], word[k+1] = word[k+1], word[k]
			}
		}
		m, _ := w.Write(word)
		n += int64(m)
		i = j
	}
	return n
}
