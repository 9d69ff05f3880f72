package chat

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ardanlabs/jinja"
)

// named reads one of the test's templates as Parse does, without a tokenizer.
func named(t *testing.T, name string) *Template {
	t.Helper()
	source, err := os.ReadFile("testdata/templates/" + name + ".jinja")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := jinja.Compile(string(source))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &Template{Source: string(source), compiled: compiled, bos: "<s>", eos: "</s>",
		special: []string{"</s>", "<|end|>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end of sentence|>", "<|END_OF_TURN_TOKEN|>", "<|end_of_text|>"}}
}

// golden is what transformers writes of a chat; see testdata/goldens.py.
type golden struct {
	Text, Refused string
	Spans         [][2]int // in characters, of {% generation %}
}

func goldens(t *testing.T) (chats [][]Message, want map[string][]golden) {
	t.Helper()
	for name, v := range map[string]any{"chats.json": &chats, "goldens.json": &want} {
		b, err := os.ReadFile("testdata/" + name)
		if err == nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(want) < 10 {
		t.Fatalf("%d families", len(want))
	}
	return chats, want
}

// TestGoldens: every template writes what transformers' apply_chat_template writes.
func TestGoldens(t *testing.T) {
	chats, want := goldens(t)
	for name, rows := range want {
		tm := named(t, name)
		for i, row := range rows {
			got, err := tm.Render(chats[i/2], i%2 == 1)
			if row.Refused != "" {
				if err == nil || !strings.Contains(err.Error(), row.Refused) {
					t.Errorf("%s, chat %d: %v, want it refused: %s", name, i/2, err, row.Refused)
				}
			} else if got != row.Text || err != nil {
				t.Errorf("%s, chat %d: got\n%q %v, want\n%q", name, i/2, got, err, row.Text)
			}
		}
	}
}

// TestPieces: what is learned is the answer as the template writes it, its end included, and
// nothing else; for a template with {% generation %} what transformers' mask covers.
func TestPieces(t *testing.T) {
	chats, want := goldens(t)
	learned := map[string]string{
		"chatml": "Hot enough to melt brass.<|im_end|>", "llama2": " Hot enough to melt brass. </s>", "llama3": "Hot enough to melt brass.<|eot_id|>",
		"gemma": "Hot enough to melt brass.<end_of_turn>", "mistral": " Hot enough to melt brass.</s>", "qwen3": "<think>\n\n</think>\n\nHot enough to melt brass.<|im_end|>",
		"phi3": "Hot enough to melt brass.<|end|>", "zephyr": "Hot enough to melt brass.</s>", "deepseek": "Hot enough to melt brass.<|end of sentence|>",
		"tulu": "Hot enough to melt brass.</s>", "command": "Hot enough to melt brass.<|END_OF_TURN_TOKEN|>", "granite": "Hot enough to melt brass.<|end_of_text|>",
		"vicuna": " Hot enough to melt brass.</s>",
	}
	for name, rows := range want {
		tm := named(t, name)
		for i, chat := range chats {
			for _, last := range []bool{false, true} {
				pieces, err := tm.Pieces(chat, last)
				if err != nil {
					// Families that write earlier thoughts otherwise cannot learn them.
					if i != 2 || name != "qwen3" && name != "deepseek" || last && name == "qwen3" {
						t.Errorf("%s, chat %d: %v", name, i, err)
					}
					continue
				}
				all, trained, at, turns := "", "", 0, 0
				for _, p := range pieces {
					all += p.Text
					n := utf8.RuneCountInString(p.Text)
					if p.Learn {
						trained += p.Text
						if turns++; name == "tulu" && !last && rows[2*i].Spans[turns-1] != [2]int{at, at + n} {
							t.Errorf("%s, chat %d: characters %d to %d are learned, want %v", name, i, at, at+n, rows[2*i].Spans[turns-1])
						}
					}
					at += n
				}
				if all != rows[2*i].Text {
					t.Errorf("%s, chat %d: the pieces are %q, the text %q", name, i, all, rows[2*i].Text)
				}
				if i == 0 && trained != learned[name] {
					t.Errorf("%s: learned is %q, want %q", name, trained, learned[name])
				}
				if answers := min(len(chat)/2, 2); i < 3 && !last && turns != answers || i < 3 && last && turns != 1 || i == 3 && turns != 0 {
					t.Errorf("%s, chat %d, last %v: %d pieces are learned", name, i, last, turns)
				}
			}
		}
	}
}

// TestMasked: an answer of weight 0 is read only.
func TestMasked(t *testing.T) {
	chat := []Message{{Role: User, Content: "a"}, {Role: Assistant, Content: "b", Masked: true}, {Role: User, Content: "c"}, {Role: Assistant, Content: "b"}}
	pieces, err := named(t, "chatml").Pieces(chat, false)
	if err != nil || len(pieces) != 3 || pieces[1].Text != "b<|im_end|>" || !pieces[1].Learn || !strings.HasSuffix(pieces[0].Text, "c<|im_end|>\n<|im_start|>assistant\n") {
		t.Errorf("%v %v", err, pieces)
	}
}

// TestRefused: what a template cannot write, or writes so that answers cannot be found, is an error.
func TestRefused(t *testing.T) {
	chat := []Message{{Role: User, Content: "a"}, {Role: Assistant, Content: "Bee"}}
	for source, want := range map[string]string{
		"{{ raise_exception('no ' + messages[0].role) }}":                                                       "no user",
		"{% for m in messages %}{{ m.content | nosuch }}{% endfor %}":                                           "nosuch",
		"{% for m in messages %}{{ m.content | upper }}{% endfor %}":                                            "changes answer 1",
		"{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}":                                "leaves out answer 1",
		"{% for m in messages %}{{ m.content }}{% endfor %}{% if 'e' in messages[1].content %}three{% endif %}": "another text for other answers",
		"{% include '/etc/passwd' %}":                                                                           "include",
	} {
		compiled, err := jinja.Compile(source)
		if err == nil {
			_, err = (&Template{compiled: compiled}).Pieces(chat, false)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("{% for m in messages %}{{ m['content'] }}{% endfor %}")
	f.Add("{{ messages[0].content.split('a')[5] }}{% set x = namespace(a=1) %}")
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "range") || strings.Contains(source, "*") || strings.Count(source, "for") > 2 {
			return // a template may ask for any amount of work
		}
		if tm, err := parse(source); err == nil {
			_, _ = tm.Pieces([]Message{{Role: User, Content: "a"}, {Role: Assistant, Content: "b"}}, false)
		}
	})
}
