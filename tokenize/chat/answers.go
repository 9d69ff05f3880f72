package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Piece is a part of a rendered conversation.
type Piece struct {
	Text  string
	Learn bool // what the assistant writes: from where the generation prompt ends to the token that ends the turn
}

// Pieces cuts a rendered conversation into what is only read and what the assistant writes. Joined,
// they are what Render gives. Of each answer (of the last one alone, if last) the piece to learn
// begins where the prompt of that turn ends and holds the token that ends it; what the template
// writes after that token is only read.
//
// Where an answer stands is found by rendering the conversation once more with marks in the place
// of the answers. A template that changes answers by more than the spaces around them, or
// leaves some out, is an error.
func (t *Template) Pieces(messages []Message, last bool) ([]Piece, error) {
	text, err := t.Render(messages, false)
	if err != nil {
		return nil, err
	}
	var answers []int
	for i, m := range messages {
		if m.Role == Assistant {
			answers = append(answers, i)
		}
	}
	if last {
		answers = answers[max(0, len(answers)-1):]
	}
	answers = slices.DeleteFunc(answers, func(i int) bool { return messages[i].Masked })
	if len(answers) == 0 {
		return []Piece{{text, false}}, nil
	}
	places, err := t.find(messages, answers, text)
	if err != nil {
		return t.lastTurn(messages, answers, text, err)
	}
	var pieces []Piece
	at := 0
	add := func(to int, learn bool) {
		if to > at {
			pieces = append(pieces, Piece{text[at:to], learn})
			at = to
		}
	}
	for _, s := range places {
		from := s.from
		// The model writes what follows the prompt, spaces and opening tags included. A template
		// that refuses such a prompt, or goes on otherwise than it, leaves the content itself.
		if prompt, err := t.Render(messages[:s.message], true); err == nil && strings.HasPrefix(text, prompt) && len(prompt) <= s.from {
			from = max(len(prompt), at)
		}
		add(from, false)
		add(s.to+t.ending(text[s.to:]), true)
	}
	add(len(text), false)
	return pieces, nil
}

// lastTurn is Pieces for a conversation whose only answer to learn is its last message, which the
// template writes again (thoughts in tags of their own): it is what follows the prompt. err is why
// the answer was not found by itself.
func (t *Template) lastTurn(messages []Message, answers []int, text string, err error) ([]Piece, error) {
	i := len(messages) - 1
	if len(answers) > 1 || answers[0] != i {
		return nil, err
	}
	prompt, refused := t.Render(messages[:i], true)
	if refused != nil || !strings.HasPrefix(text, prompt) {
		return nil, err
	}
	end := len(strings.TrimRight(text, " \n"))
	if end <= len(prompt) || t.closing(text[:end]) == 0 {
		return nil, err
	}
	pieces := []Piece{{prompt, false}, {text[len(prompt):end], true}}
	if end < len(text) {
		pieces = append(pieces, Piece{text[end:], false})
	}
	return pieces, nil
}

// closing is the length of the special token that ends text, 0 for none.
func (t *Template) closing(text string) (longest int) {
	for _, s := range t.special {
		if strings.HasSuffix(text, s) {
			longest = max(longest, len(s))
		}
	}
	return longest
}

// A place is where the content of a message stands in a rendered text.
type place struct{ message, from, to int }

// find finds answers, by their messages, in the text that Render gave.
func (t *Template) find(messages []Message, answers []int, text string) ([]place, error) {
	marked := slices.Clone(messages)
	for k, i := range answers {
		marked[i].Content = mark(k)
	}
	rest, err := t.Render(marked, false)
	if err != nil {
		return nil, err
	}
	var places []place
	var out strings.Builder
	for k, i := range answers {
		before, after, ok := strings.Cut(rest, mark(k))
		if !ok {
			return nil, fmt.Errorf("the chat template leaves out answer %d", k+1)
		}
		out.WriteString(before)
		next := after
		if k+1 < len(answers) {
			next, _, _ = strings.Cut(after, mark(k+1))
		}
		content, found := written(messages[i].Content, text[min(out.Len(), len(text)):], next)
		if !found {
			return nil, fmt.Errorf("the chat template changes answer %d, so what is to be learned cannot be found in its text; learn: last needs the last answer alone", k+1)
		}
		places = append(places, place{i, out.Len(), out.Len() + len(content)})
		out.WriteString(content)
		rest = after
	}
	if out.WriteString(rest); out.String() != text {
		return nil, errors.New("the chat template writes another text for other answers, so what is to be learned cannot be found in it")
	}
	return places, nil
}

// written is how a template wrote an answer: as it is, or without the spaces around it.
func written(answer, text, next string) (string, bool) {
	for _, c := range []string{answer, strings.TrimSpace(answer), strings.TrimLeft(answer, "\n")} {
		if rest, ok := strings.CutPrefix(text, c); ok && strings.HasPrefix(rest, next) {
			return c, true
		}
	}
	return "", false
}

// mark stands for an answer: characters of private use, which no template looks for.
func mark(k int) string { return fmt.Sprintf("\uE000%d\uE001", k) }

// ending is how many bytes of text end a turn: spaces and a special token; 0 where it begins otherwise.
func (t *Template) ending(text string) int {
	trimmed := strings.TrimLeft(text, " \n")
	longest := 0
	for _, s := range t.special {
		if strings.HasPrefix(trimmed, s) {
			longest = max(longest, len(s))
		}
	}
	if longest == 0 {
		return 0
	}
	return len(text) - len(trimmed) + longest
}

// End is the special token that ends an answer, "" where the template writes none.
func (t *Template) End() (string, error) {
	pieces, err := t.Pieces([]Message{{Role: User, Content: "a"}, {Role: Assistant, Content: "b"}}, true)
	if err != nil {
		return "", err
	}
	for _, p := range pieces {
		if p.Learn {
			return p.Text[len(p.Text)-t.closing(p.Text):], nil
		}
	}
	return "", nil
}
