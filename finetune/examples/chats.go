package examples

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
	"fragua/pipeline/shard"
	"fragua/tokenize/chat"
)

// Chats is conversations, a row each, in the layouts in which they are published. Which one a row
// has is seen by its fields:
//
//	{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}      OpenAI, TRL
//	{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}          ShareGPT
//	{"instruction": "…", "input": "…", "output": "…"}                                            Alpaca
//	{"prompt": "…", "completion": "…"}                                                           TRL
//
// Alpaca's input follows its instruction after a blank line. system, beside conversations or
// instruction, is a message of that role. A message with weight 0 is read and not learned, as
// OpenAI has it.
type Chats struct {
	Path  settings.Path `yaml:"path" doc:"File, folder or pattern: .jsonl, .json (one list of all rows) or .parquet; the text ones also .gz, .zst, .xz."`
	Given `yaml:",inline"`
}

func (c *Chats) files() ([]dataFile, error) { return globFiles(c.Path, "") }

func (c *Chats) check(cols columns) []fault.Fault {
	if cols.label != "" || cols.text != "" {
		return []fault.Fault{{Err: "chats have neither columns nor labels", Hint: "leave out text, label, source and target"}}
	}
	return nil
}

func (c *Chats) read(f dataFile, _ columns) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		n := int64(0)
		for row, err := range Objects(f.path) {
			var bad *badRow
			if err != nil && !errors.As(err, &bad) {
				yield(record{}, err)
				return
			}
			rec := record{row: n}
			if bad != nil {
				rec.err = bad.error
			} else if rec.messages, rec.err = conversation(row); rec.err == nil {
				rec.text, rec.target, rec.drop = outline(rec.messages)
			}
			if n++; !yield(rec, nil) {
				return
			}
		}
	}
}

// badRow is the error of one row, after which the file goes on.
type badRow struct{ error }

// Objects yields the JSON objects of a file: one a line, the elements of one list, or the rows of a
// Parquet file. After the error of a row the file goes on.
func Objects(name string) iter.Seq2[map[string]any, error] {
	switch format(name) {
	case "parquet":
		return func(yield func(map[string]any, error) bool) {
			pf, err := shard.OpenParquet(name)
			if err != nil {
				yield(nil, err)
				return
			}
			defer pf.Close()
			for row, err := range pf.Records(0, len(pf.RowGroups()), nil) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	case "json":
		return jsonList(name)
	case "jsonl", "ndjson":
		return func(yield func(map[string]any, error) bool) {
			for rec, err := range readText(name, columns{}, jsonObjects) {
				if err == nil && rec.err != nil {
					err = &badRow{rec.err}
				}
				if !yield(rec.object, err) {
					return
				}
			}
		}
	}
	return func(yield func(map[string]any, error) bool) {
		yield(nil, fault.Hintf(fmt.Errorf("%s: %q is no kind of file for chats", name, format(name)), "chats are .jsonl, .json or .parquet; the text ones may end in .gz, .zst or .xz"))
	}
}

// jsonList yields the elements of a file that is one list.
func jsonList(name string) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		f, _, err := openText(name)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		d := json.NewDecoder(f)
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			yield(nil, fault.Hintf(fmt.Errorf("%s: is no list of objects", name), "a file with an object a line ends in .jsonl"))
			return
		}
		for n := int64(0); d.More(); n++ {
			var v any
			if err := d.Decode(&v); err != nil {
				yield(nil, &fault.RowError{File: name, Row: n, Err: err})
				return
			}
			object, ok := v.(map[string]any)
			err := error(nil)
			if !ok {
				err = &badRow{errors.New("not a JSON object but another value")}
			}
			if !yield(object, err) {
				return
			}
		}
		if _, err := d.Token(); err != nil {
			yield(nil, fmt.Errorf("%s: the list does not end: %w", name, err))
		} else if _, err := d.Token(); err != io.EOF {
			yield(nil, fmt.Errorf("%s: something follows the list", name))
		}
	}
}

// conversation reads the messages of a row.
func conversation(row map[string]any) ([]chat.Message, error) {
	if row == nil {
		return nil, errors.New("the row is empty")
	}
	var messages []chat.Message
	if s, ok := row["system"].(string); ok && strings.TrimSpace(s) != "" {
		messages = append(messages, chat.Message{Role: chat.System, Content: s})
	}
	for _, list := range []string{"messages", "conversations", "conversation"} {
		if v, ok := row[list]; ok && v != nil {
			more, err := turns(v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", list, err)
			}
			return append(messages, more...), nil
		}
	}
	for _, pair := range [][2]string{{"instruction", "output"}, {"prompt", "completion"}, {"prompt", "response"}} {
		question, ok := row[pair[0]]
		answer, both := row[pair[1]]
		if !ok || !both {
			continue
		}
		q, a, err := sides(question, answer)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", pair[0], pair[1], err)
		}
		if input, _ := row["input"].(string); strings.TrimSpace(input) != "" && pair[0] == "instruction" {
			q[len(q)-1].Content += "\n\n" + input
		}
		return append(append(messages, q...), a...), nil
	}
	var fields []string
	for k := range row {
		fields = append(fields, k)
	}
	slices.Sort(fields)
	return nil, fmt.Errorf("none of messages, conversations, instruction and output, prompt and completion is there; the row has %s", fault.Listed(fields))
}

// sides reads a question and its answer: texts, or lists of messages.
func sides(question, answer any) (q, a []chat.Message, err error) {
	for _, side := range []struct {
		value any
		role  string
		to    *[]chat.Message
	}{{question, chat.User, &q}, {answer, chat.Assistant, &a}} {
		if s, ok := side.value.(string); ok {
			*side.to = []chat.Message{{Role: side.role, Content: s}}
		} else if *side.to, err = turns(side.value); err != nil {
			return nil, nil, err
		}
	}
	return q, a, nil
}

// roles are the names that the layouts have for them.
var roles = map[string]string{
	"system": chat.System, "developer": chat.System,
	"user": chat.User, "human": chat.User,
	"assistant": chat.Assistant, "gpt": chat.Assistant, "model": chat.Assistant, "chatgpt": chat.Assistant, "bot": chat.Assistant,
}

// turns reads a list of messages in either layout.
func turns(v any) ([]chat.Message, error) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, errors.New("is no list of messages")
	}
	var messages []chat.Message
	for i, e := range list {
		m, err := turn(e)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i+1, err)
		}
		messages = append(messages, m)
	}
	return messages, nil
}

func turn(v any) (m chat.Message, err error) {
	object, ok := v.(map[string]any)
	if !ok {
		return m, errors.New("is no object")
	}
	for _, k := range []string{"tool_calls", "function_call", "tool_call_id"} {
		if x := object[k]; x != nil && fmt.Sprint(x) != "[]" {
			return m, fmt.Errorf("holds %s, and fragua trains on texts only", k)
		}
	}
	from, _ := first(object, "role", "from").(string)
	if m.Role, ok = roles[strings.ToLower(from)]; !ok {
		return m, fmt.Errorf("role %q is not known, only system, user (human) and assistant (gpt)", from)
	}
	switch c := first(object, "content", "value").(type) {
	case string:
		m.Content = c
	case []any:
		for _, p := range c {
			part, _ := p.(map[string]any)
			text, ok := part["text"].(string)
			if !ok || part["type"] != "text" {
				return m, errors.New("its content holds a part that is no text")
			}
			m.Content += text
		}
	default:
		return m, errors.New("has no content")
	}
	if w, ok := object["weight"]; ok && w != nil {
		switch fmt.Sprint(w) {
		case "0":
			m.Masked = true
		case "1":
		default:
			return m, fmt.Errorf("weight %v is neither 0 nor 1", w)
		}
	}
	return m, nil
}

func first(object map[string]any, keys ...string) any {
	for _, k := range keys {
		if v, ok := object[k]; ok && v != nil {
			return v
		}
	}
	return nil
}

// outline is what a conversation is split and compared by, all that the user says, and its last
// answer; drop: the rule by which it is left out.
func outline(messages []chat.Message) (text, target, drop string) {
	var said []string
	for i, m := range messages {
		switch {
		case m.Role == chat.User:
			said = append(said, m.Content)
		case m.Role == chat.System && i > 0:
			drop = "system_not_first"
		}
	}
	last := messages[len(messages)-1]
	if last.Role == chat.Assistant {
		target = last.Content
	} else {
		drop = "no_answer_at_the_end"
	}
	if strings.TrimSpace(strings.Join(said, "")) == "" {
		drop = "no_question"
	}
	return strings.Join(said, "\n\n"), target, drop
}

// HoldsChats reports whether the first row of a file is a conversation in a layout of Chats.
func HoldsChats(name string) bool {
	for row, err := range Objects(name) {
		if err != nil {
			return false
		}
		_, err := conversation(row)
		return err == nil
	}
	return false
}
