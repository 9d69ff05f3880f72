package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/settings"
	"fragua/tokenize/chat"
)

// readChats reads a file of conversations.
func readChats(t *testing.T, name, content string) (rows []record, failed error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &Chats{Path: settings.Path{Written: path, Abs: path}}
	files, err := c.files()
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range c.read(files[0], columns{}) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, rec)
	}
	return rows, nil
}

// script writes a conversation in a line.
func script(messages []chat.Message) string {
	var parts []string
	for _, m := range messages {
		s := m.Role + ": " + m.Content
		if m.Masked {
			s = "(" + s + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " | ")
}

func TestChats(t *testing.T) {
	for _, c := range []struct{ row, want, err, drop string }{
		{row: `{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "b", "weight": 1}]}`,
			want: "system: s | user: q | (assistant: a) | user: r | assistant: b"},
		{row: `{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"}`, want: "system: s | user: q | assistant: a"},
		{row: `{"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "id": 7}`, want: "user: q | assistant: a"},
		{row: `{"instruction": "add", "input": "1 2", "output": "3"}`, want: "user: add\n\n1 2 | assistant: 3"},
		{row: `{"instruction": "add", "input": "", "output": "3"}`, want: "user: add | assistant: 3"},
		{row: `{"prompt": "q", "completion": "a"}`, want: "user: q | assistant: a"},
		{row: `{"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]}`, want: "user: q | assistant: a"},
		{row: `{"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]}`, want: "user: q | assistant: a"},
		{row: `{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}]}`, drop: "no_answer_at_the_end"},
		{row: `{"messages": [{"role": "assistant", "content": "a"}]}`, drop: "no_question"},
		{row: `{"messages": [{"role": "user", "content": "q"}, {"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}]}`, drop: "system_not_first"},
		{row: `{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [{}]}]}`, err: "message 2: holds tool_calls"},
		{row: `{"conversations": [{"from": "observation", "value": "q"}]}`, err: `role "observation" is not known`},
		{row: `{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}`, err: "a part that is no text"},
		{row: `{"messages": [{"role": "assistant", "content": "a", "weight": 0.5}]}`, err: "weight 0.5 is neither 0 nor 1"},
		{row: `{"messages": []}`, err: "is no list of messages"},
		{row: `{"question": "q", "answer": "a"}`, err: "the row has answer, question"},
		{row: `[1]`, err: "not a JSON object"},
	} {
		for _, file := range []struct{ name, content string }{{"c.jsonl", c.row + "\n"}, {"c.json", "[" + c.row + "]"}} {
			rows, err := readChats(t, file.name, file.content)
			if err != nil || len(rows) != 1 {
				t.Errorf("%s %s: %d rows, %v", file.name, c.row, len(rows), err)
				continue
			}
			r := rows[0]
			switch {
			case c.err != "":
				if r.err == nil || !strings.Contains(r.err.Error(), c.err) {
					t.Errorf("%s: %v, want %q", c.row, r.err, c.err)
				}
			case r.err != nil || r.drop != c.drop || c.drop == "" && script(r.messages) != c.want:
				t.Errorf("%s: %q, drop %q, %v; want %q, drop %q", c.row, script(r.messages), r.drop, r.err, c.want, c.drop)
			}
		}
	}
	for name, content := range map[string]string{"a.json": `{"instruction": "x"}`, "b.json": `[{"instruction": "x"}`, "c.json": `[] 1`, "d.csv": "a,b\n"} {
		if _, err := readChats(t, name, content); err == nil {
			t.Errorf("%s: %s was read", name, content)
		}
	}
}

func TestChatsParquet(t *testing.T) {
	type message struct{ Role, Content string }
	type row struct {
		Messages []message `parquet:"messages,list"`
	}
	path := filepath.Join(t.TempDir(), "c.parquet")
	if err := parquet.WriteFile(path, []row{{[]message{{"user", "q"}, {"assistant", "a"}}}}); err != nil {
		t.Fatal(err)
	}
	for object, err := range Objects(path) {
		// parquet-go names the fields as Go does.
		if err != nil || len(object) != 1 {
			t.Fatal(object, err)
		}
		list, _ := object["messages"].([]any)
		if len(list) != 2 {
			t.Fatalf("%v", object)
		}
	}
}
