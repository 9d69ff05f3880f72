package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"fragua/model"
	"fragua/pipeline/fault"
	"fragua/pipeline/store"
)

func neighborsCommand() *cli.Command {
	return &cli.Command{
		Name:      "neighbors",
		Usage:     "list the words whose vectors lie nearest to a word's or a text's",
		ArgsUsage: "TEXT…",
		Description: `fragua neighbors gato --model runs/quickstart/words
fragua neighbors gato perro coche --model runs/quickstart/words      also how near they are to each other
fragua neighbors 'The dog sleeps.' --among sentences.txt --model all-MiniLM-L6-v2`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "top", Value: 10, Usage: "how many neighbours"},
			&cli.StringFlag{Name: "among", Usage: "look among the lines of a `FILE`: words, phrases, sentences or documents"},
		}, spaceFlags...),
		Action: neighborsAction,
	}
}

func neighborsAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which word?"), "%s", example(c.Command))
	}
	s, err := openSpaceAmong(c)
	if err != nil {
		return err
	}
	texts := c.Args().Slice()
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if vectors[i], err = s.vector(text); err != nil {
			return err
		}
		list, err := s.nearest(vectors[i], c.Int("top"), []string{text})
		if err != nil {
			return err
		}
		printNear(c, text, list)
	}
	for i := range texts {
		for j := i + 1; j < len(texts); j++ {
			fmt.Fprintf(c.App.Writer, "%s – %s %.3f\n", texts[i], texts[j], model.Cosine(vectors[i], vectors[j]))
		}
	}
	return nil
}

// openSpaceAmong opens the space, and says on the error stream what its vectors are.
func openSpaceAmong(c *cli.Context) (*space, error) {
	if c.Int("top") < 1 {
		return nil, usage("--top is %d, but at least 1 is wanted", c.Int("top"))
	}
	s, err := openSpace(c)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(c.App.ErrWriter, s.name)
	if file := c.String("among"); file != "" {
		return s, s.candidates(file)
	}
	return s, nil
}

// printNear prints a line of words, or where they are texts a line each.
func printNear(c *cli.Context, text string, list []neighbor) {
	mark := " "
	if c.String("among") != "" {
		mark = "\n  "
	}
	fmt.Fprintf(c.App.Writer, "%s:", text)
	for _, n := range list {
		fmt.Fprintf(c.App.Writer, "%s%s %.2f", mark, n.label, n.cosine)
	}
	fmt.Fprintln(c.App.Writer)
}

func analogyCommand() *cli.Command {
	return &cli.Command{
		Name:        "analogy",
		Usage:       "A is to B as C is to what?",
		ArgsUsage:   "A B C",
		Description: `fragua analogy hombre mujer rey --model runs/novels/words`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: "top", Value: 5, Usage: "how many answers"},
			&cli.StringFlag{Name: "among", Usage: "answers are the lines of a `FILE`"},
		}, spaceFlags...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 3 {
				return fault.Hintf(usage("an analogy has three texts, not %d", c.NArg()), "%s", example(c.Command))
			}
			s, err := openSpaceAmong(c)
			if err != nil {
				return err
			}
			words := c.Args().Slice()
			var query []float32 // B − A + C of length 1 each (Mikolov, Yih and Zweig 2013, section 4)
			for i, sign := range []float32{-1, 1, 1} {
				v, err := s.vector(words[i])
				if err != nil {
					return err
				}
				if query == nil {
					query = make([]float32, len(v))
				}
				for j, x := range unit(v) {
					query[j] += sign * x
				}
			}
			list, err := s.nearest(query, c.Int("top"), words)
			if err != nil {
				return err
			}
			printNear(c, fmt.Sprintf("%s : %s = %s : ?", words[0], words[1], words[2]), list)
			return nil
		},
	}
}

func similarCommand() *cli.Command {
	return &cli.Command{
		Name:      "similar",
		Usage:     "tell how alike two words, phrases, sentences or documents are",
		ArgsUsage: "A B",
		Description: `fragua similar gato perro --model runs/quickstart/words
fragua similar 'the old house' 'a small cottage' --model runs/quickstart/words
fragua similar @one.txt @two.txt --model all-MiniLM-L6-v2      a text that begins with @ names a file`,
		Flags: spaceFlags,
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return fault.Hintf(usage("two texts are compared, not %d", c.NArg()), "%s", example(c.Command))
			}
			s, err := openSpace(c)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.App.ErrWriter, s.name)
			var vectors [2][]float32
			for i, text := range c.Args().Slice() {
				if file, ok := strings.CutPrefix(text, "@"); ok {
					b, err := store.ReadFile(file)
					if err != nil {
						return err
					}
					text = string(b)
				}
				if vectors[i], err = s.vector(text); err != nil {
					return err
				}
			}
			fmt.Fprintf(c.App.Writer, "%.3f\n", model.Cosine(vectors[0], vectors[1]))
			return nil
		},
	}
}
