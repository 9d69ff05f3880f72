package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"fragua/model"
	"fragua/tokenize"
)

// forget is the line with which a talk starts again.
const forget = "/new"

// generate writes the prompt and what the model adds, as it comes.
func generate(ctx context.Context, w io.Writer, m model.Generator, tok *tokenize.Tokenizer, prompt string, n int, s model.Sampler) error {
	return (&talk{m: m, tok: tok}).say(ctx, w, prompt, n, s)
}

// A talk is a text that a person and a model write by turns. The model remembers all of it that its
// context holds.
type talk struct {
	m       model.Generator
	tok     *tokenize.Tokenizer
	decoder model.Decoder
	unfed   []int32 // what was drawn last, which the decoder has not seen
}

// say adds a prompt, on a line of its own, and lets the model go on with at most n ids.
func (t *talk) say(ctx context.Context, w io.Writer, prompt string, n int, s model.Sampler) error {
	begins := t.decoder == nil
	text := prompt
	if !begins && prompt != "" {
		text = "\n" + prompt
	}
	ids, err := t.tok.AppendIDs(nil, text)
	if err != nil {
		return err
	}
	if begins {
		t.decoder = t.m.Decoder()
		ids = t.tok.WithTemplate(ids) // with the id that begins a text, where the model wants one
	}
	if ids = append(t.unfed, ids...); len(ids) == 0 {
		ids = []int32{t.tok.EndOfText()} // what stands before every document
	}
	if len(ids) >= t.m.Context() {
		return fmt.Errorf("the prompt has %d tokens, the model's context only %d", len(ids), t.m.Context())
	}
	fmt.Fprint(w, prompt)
	stop := []int32{t.tok.EndOfText()}
	if lm, ok := t.m.(model.Model); ok {
		stop = append(model.Ends(lm), stop...)
	}
	t.unfed = nil
	drawn := 0
	var pending []byte // a token may end in the middle of a character
	for id := range model.Generate(ctx, t.decoder, ids, n, stop, s) {
		if drawn++; drawn == n { // it was the last, and nothing is drawn from what follows it
			t.unfed = []int32{id}
		}
		pending = t.tok.AppendBytes(pending, id)
		whole := len(pending) - incomplete(pending)
		fmt.Fprint(w, strings.ToValidUTF8(string(pending[:whole]), "\uFFFD"))
		pending = append(pending[:0], pending[whole:]...)
	}
	fmt.Fprintln(w, strings.ToValidUTF8(string(pending), "\uFFFD"))
	return ctx.Err()
}

// incomplete is how many bytes at the end begin a UTF-8 sequence that is not finished.
func incomplete(b []byte) int {
	for n := 1; n <= min(3, len(b)); n++ {
		c := b[len(b)-n]
		if c >= 0xC0 { // a first byte
			if need := 2 + bit(c >= 0xE0) + bit(c >= 0xF0); n < need {
				return n
			}
			return 0
		}
		if c < 0x80 {
			return 0
		}
	}
	return 0
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
