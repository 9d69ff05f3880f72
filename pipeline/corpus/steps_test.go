package corpus

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fragua/pipeline"
	"fragua/pipeline/fault"
)

// good passes every rule of gopher_quality: 60 words of 4 letters on average.
var good = strings.Repeat("the cats sat down with that old grey hound ", 6) + "again and again and again."

// TestGopherQuality: one text for each rule, worked out by hand, in the order of
// the rules; each text passes all rules before its own.
func TestGopherQuality(t *testing.T) {
	words := func(n int, w string) string { return strings.TrimSpace(strings.Repeat(w+" ", n)) }
	tests := []struct {
		rule, language, text string
		value                float64
	}{
		{"", "en", good, 0},
		{"gopher_quality.min_words", "en", words(49, "the") + " , . !", 49},
		{"gopher_quality.max_words", "en", words(100_001, "word"), 100_001},
		{"gopher_quality.min_mean_length", "en", words(50, "of"), 2},
		{"gopher_quality.max_mean_length", "en", words(50, "incomprehensible"), 16},
		// 60 words, 7 signs: 67 tokens
		{"gopher_quality.max_hashes", "en", words(53, "word") + words(7, " # word"), 7. / 67},
		{"gopher_quality.max_ellipses", "en", words(53, "word") + words(7, " … word"), 7. / 67},
		// 20 lines, 19 of which begin with a bullet
		{"gopher_quality.max_bullet_lines", "en", strings.Repeat("- three more words\n", 19) + "no bullet here", .95},
		// 20 lines, 7 of which end in an ellipsis; 7 of 87 tokens are ellipses
		{"gopher_quality.max_ellipsis_ends", "en", strings.Repeat("three more words …\n", 7) + strings.Repeat("four more words here\n", 13), .35},
		// 50 words, 11 of which are numbers
		{"gopher_quality.min_alpha_words", "en", words(39, "word") + " " + words(11, "1848"), .78},
		{"gopher_quality.min_stop_words", "en", words(50, "the cats"), 1},
		{"gopher_quality.min_stop_words", "es", good, 0},
		{"", "es", words(30, "de la palabra"), 0},
		{"", "zu", words(60, "chaise"), 0},
		{"gopher_quality.min_stop_words", "", words(60, "chaise"), 0},
		{"", "", words(30, "de la palabra"), 0},
	}
	for _, test := range tests {
		drop, err := NewGopherQuality().Apply(&Document{Text: test.text, Language: test.language})
		if err != nil || drop.Rule != test.rule || test.rule != "" && drop.Value != test.value {
			t.Errorf("%.40q in %q: %+v %v, want %s at %v", test.text, test.language, drop, err, test.rule, test.value)
		}
	}
	off := &GopherQuality{}
	for _, test := range tests {
		if drop, err := off.Apply(&Document{Text: test.text}); drop.Rule != "" || err != nil {
			t.Errorf("with all rules off, %.40q is dropped: %+v %v", test.text, drop, err)
		}
	}
}

func TestSteps(t *testing.T) {
	tests := []struct {
		step      Step
		in        Document
		drop      string
		text, lan string
	}{
		{NewRepair(), Document{Text: " \r\nniÃ±o\u200b \r\n"}, "", "niño", ""},
		{&Repair{}, Document{Text: "niÃ±o\u200b "}, "", "niÃ±o", ""},
		{&Length{MinWords: 3}, Document{Text: "uno dos."}, "length.min_words", "uno dos.", ""},
		{&Length{MinWords: 2, MaxWords: 2}, Document{Text: "uno dos."}, "", "uno dos.", ""},
		{&Length{MaxWords: 1}, Document{Text: "uno dos."}, "length.max_words", "uno dos.", ""},
		{&Length{MinChars: 9}, Document{Text: "año, año"}, "length.min_chars", "año, año", ""},
		{&Length{MaxChars: 8}, Document{Text: "año, año"}, "", "año, año", ""},
		{&Length{MaxChars: 7}, Document{Text: "año, año"}, "length.max_chars", "año, año", ""},
		{&Language{Keep: []string{"es"}, Among: []string{"en", "es"}}, Document{Text: good, Language: "es"}, "language.keep", good, "en"},
		{&Language{Keep: []string{"en"}, Among: []string{"en", "es"}}, Document{Text: good}, "", good, "en"},
		{&Language{Keep: []string{"en"}, Paragraphs: true}, Document{Text: good + "\n\nLa ferrera va encendre el foc i el noi va preguntar per què el ferro s'estova.\n\nBon dia.\n\n" + good}, "", good + "\n\nBon dia.\n\n" + good, "en"},
		{&Language{MinScore: .9}, Document{Text: "12"}, "language.min_score", "12", ""},
		{&Repetition{MaxParagraphs: .3, MaxLines: .3, MaxTop2: .3}, Document{Text: good}, "", good, ""},
		{NewRepetition(), Document{Text: "a b c\n\na b c\n\nd"}, "repetition.max_paragraphs", "a b c\n\na b c\n\nd", ""},
		{NewRepetition(), Document{Text: "a\nb\nb\nb"}, "repetition.max_lines", "a\nb\nb\nb", ""},
	}
	for _, test := range tests {
		d := test.in
		drop, err := test.step.Apply(&d)
		if err != nil || drop.Rule != test.drop || d.Text != test.text || d.Language != test.lan {
			t.Errorf("%T %+v of %.40q: %+v %v, text %.40q language %q", test.step, test.step, test.in.Text, drop, err, d.Text, d.Language)
		}
	}
}

// TestMeasurements: what explain shows agrees with what Apply decides.
func TestMeasurements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &Document{Text: rapid.StringOfN(rapid.RuneFrom([]rune("ab the#.…-•\nñ1 ")), 0, 400, -1).Draw(t, "text"), Language: rapid.SampledFrom([]string{"", "en", "es"}).Draw(t, "language")}
		for _, step := range []Step{&Length{MinWords: 3, MaxChars: 100}, NewGopherQuality(), &GopherQuality{MinMeanLength: 2, MaxBulletLines: .5}, NewRepetition()} {
			drop, err := step.Apply(d)
			if err != nil {
				t.Fatal(err)
			}
			failed := ""
			for m := range step.(tester).tests(d) {
				if m.Failed && failed == "" {
					failed = m.Rule
				}
			}
			if failed != drop.Rule {
				t.Fatalf("%T: %q, but dropped by %q", step, failed, drop.Rule)
			}
		}
	})
}

// TestFaults: what is wrong with a recipe is told with its place and a remedy.
func TestFaults(t *testing.T) {
	dir := write(t, map[string]string{"a.txt": "text", "b/a.txt": "text"})
	tests := map[string]string{
		"ingest, with: {}":                                                                                "ingest reads nothing",
		"ingest, with: {sources: [{books: {}}]}":                                                          "sources[0].books.path: books needs a path",
		"ingest, with: {sources: [{books: {path: 'x/[.txt'}}]}":                                           "no valid pattern",
		"ingest, with: {sources: [{books: {path: 'none/*.txt'}}]}":                                        "none/*.txt: no file matches",
		"ingest, with: {sources: [{books: {path: a.txt}}, {books: {path: b/a.txt}}]}":                     "give one of the two sources a name",
		"ingest, with: {sources: [{book: {path: a.txt}}]}":                                                `unknown name "book"`,
		"ingest, with: {sources: [{books: {path: a.txt, wrap: true}}]}":                                   `unknown key "wrap"`,
		"ingest, with: {sources: [{html: {path: a.txt, keep: all}}]}":                                     "keep",
		"ingest, with: {sources: [{html: {path: a.txt, deadline: 0s}}]}":                                  "deadline must be more than 0",
		"ingest, with: {sources: [{csv: {path: a.txt, separator: ab}}]}":                                  "separator",
		"ingest, with: {sources: [{jsonl: {path: a.txt, text: ''}}]}":                                     "text names no column",
		"ingest, with: {part_bytes: 0, sources: [{books: {path: a.txt}}]}":                                "part_bytes must be at least 1",
		"ingest, with: {sources: [{books: {path: a.txt}}], steps: [length]}":                              "length has no limit",
		"ingest, with: {sources: [{books: {path: a.txt}}], steps: [length: {min_words: -1}]}":             "cannot be negative",
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [length: {min_words: 5, max_words: 2}]}": "nothing would be kept",
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [gopher_quality: {max_hashes: 10}]}":     "max_hashes is a share",
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [gopher_quality: {max_words: 3}]}":       "no document could have",
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [language: {keep: [spanish]}]}":          `no language "spanish"`,
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [language: {keep: [spa]}]}":              "write es",
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [language: {paragraphs: true}]}":         "paragraphs removes nothing",
		"ingest, with: {sources: [{text: {path: a.txt}}], steps: [repetition: {max_lines: 30}]}":          "max_lines is a share",
		"mix, with: {validation: 1.5}":                                                                    "validation is a share",
		"mix, with: {validation: 0.5, test: 0.5}":                                                         "leave nothing to train on",
		"mix, with: {weights: {web: -1}}":                                                                 "weight -1",
		"mix, with: {group_by: chapter}":                                                                  "group_by",
		"dedup, with: {match: near}":                                                                      "match",
		"filter, with: {}":                                                                                "filter does nothing",
	}
	for with, want := range tests {
		stages := "stages:\n  - {name: s, use: " + with + "}\n"
		if !strings.HasPrefix(with, "ingest") {
			stages = "stages:\n  - {name: r, use: ingest, with: {sources: [{text: {path: a.txt}}]}}\n  - {name: s, from: [r], use: " + with + "}\n"
		}
		c, err := pipeline.Parse("recipe.yaml", []byte(stages), dir, stageTable, nil)
		if err == nil {
			err = c.CheckFiles()
		}
		var usage *fault.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) && !strings.Contains(hints(err), want) {
			t.Errorf("%s: %v\nwant a usage error with %q", with, err, want)
		}
	}
}

// hints joins the paths and hints of an error's faults.
func hints(err error) string {
	var c *fault.ConfigError
	if !errors.As(err, &c) {
		return ""
	}
	var s strings.Builder
	for _, f := range c.Faults {
		s.WriteString(f.Path + ": " + f.Err + "\n" + f.Hint + "\n")
	}
	return s.String()
}
