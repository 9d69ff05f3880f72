package corpus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"fragua/pipeline/settings"
	"fragua/pipeline/textstat"
)

// TestRules: one text for each rule, worked out by hand.
func TestRules(t *testing.T) {
	prose := "The smith lit the fire. The boy asked why iron is soft. She said nothing. He waited by the door. It grew dark outside."
	c4, terminal := NewC4(), &C4{Terminal: true}
	tests := []struct {
		step       Step
		text, rule string
		value      float64
		want       string // the text afterwards
	}{
		{c4, prose, "", 0, prose},
		{c4, "Two words.\nThis has one two three.\n" + prose, "", 0, "This has one two three.\n" + prose},
		{c4, "Read it[1][citation needed] as it is.\n" + prose, "", 0, "Read it as it is.\n" + prose},
		{c4, "Please enable JavaScript to see this.\nThis site uses cookies for good.\n" + prose, "", 0, prose},
		{c4, prose + "\nLorem ipsum dolor sit amet.", "c4.lorem_ipsum", 1, ""},
		{c4, prose + "\nif (a) { return b; } again.", "c4.braces", 1, ""},
		{c4, "One sentence stands here. And then two.", "c4.min_sentences", 2, ""},
		{terminal, "Ends well.\nDoes not\nTails off...\n«¿De verdad?»\n真的。", "", 0, "Ends well.\n«¿De verdad?»\n真的。"},
		{NewFineWeb(), strings.Repeat("a menu entry without any mark at its end\n", 9) + "One sentence, and it ends as it should.", "fineweb.min_terminal_lines", .1, ""},
		{NewFineWeb(), "Short.\nShort too.\nThis line has more than thirty characters, and an end.\nOne.", "fineweb.max_short_lines", .75, ""},
		{NewFineWeb(), strings.Repeat("This line has more than thirty characters, and an end.\n", 4), "fineweb.max_repeated_line_chars", .75, ""},
		{NewFineWeb(), prose, "", 0, prose},
		{NewFineWeb(), strings.Repeat("una novela entera en una sola línea ", 60) + "…", "", 0, ""},
		{NewLineRules(), "* * *\n" + strings.Repeat(prose+"\n\n", 8) + "12 likes\nRead more...\n==========", "", 0, strings.Repeat(prose+"\n\n", 7) + prose},
		{&LineRules{MaxUpper: .5, MaxWords: 10}, "SHOUTED LINE HERE\nA calm line here.", "", 0, "A calm line here."},
		{&LineRules{Boilerplate: []string{"all rights reserved*", "home"}}, "Home\nHomely is another.\n© 2020 All rights reserved.", "", 0, "Homely is another."},
		{NewLineRules(), "A few words.\nRead more\nSign in\n12 comments", "lines.max_removed", 6. / 9, ""},
		{&Repetition{MaxTop2: .2}, strings.Repeat("buy now ", 20) + prose, "repetition.max_top_2_gram", 140. / 277, ""},
		{&Repetition{MaxDuplicate5: .15}, prose + " " + prose, "repetition.max_duplicate_5_grams", 0, ""},
	}
	for _, test := range tests {
		d := &Document{Text: test.text, Language: "en"}
		drop, err := test.step.Apply(d)
		if err != nil || drop.Rule != test.rule || test.value != 0 && drop.Rule != "" && (drop.Value < test.value-.01 || drop.Value > test.value+.01) {
			t.Errorf("%T of %.50q: %+v %v, want %s at %v", test.step, test.text, drop, err, test.rule, test.value)
		}
		if test.want != "" && d.Text != test.want {
			t.Errorf("%T leaves %q, want %q", test.step, d.Text, test.want)
		}
	}
}

// TestNovelOnOneLine: no rule about lines drops a book that stands on one line, as
// some files of books do; by datatrove's definitions it is dropped.
func TestNovelOnOneLine(t *testing.T) {
	novel := strings.Repeat("El río medraba de noche, y la gente del pueblo llevaba sacos de arena a la carretera con los carros que había. ", 300) + "Y así siguió…"
	for _, step := range []Step{&GopherQuality{MaxEllipsisEnds: .3, MaxBulletLines: .9}, NewFineWeb(), NewLineRules()} {
		if drop, err := step.Apply(&Document{Text: novel, Language: "es"}); drop.Rule != "" || err != nil {
			t.Errorf("%T drops it: %+v %v", step, drop, err)
		}
	}
	if drop, _ := (&GopherQuality{MaxEllipsisEnds: .3, Compat: CompatDatatrove}).Apply(&Document{Text: novel}); drop.Rule != "gopher_quality.max_ellipsis_ends" {
		t.Errorf("datatrove keeps it: %+v", drop)
	}
}

func TestPII(t *testing.T) {
	for in, want := range map[string]string{
		"Write to ana.perez+x@correo.example.es, or not.":                             "Write to <email>, or not.",
		"From 8.8.8.8 and 2a00:1450:4003::200e, not 192.168.1.1.":                     "From <ip> and <ip>, not 192.168.1.1.",
		"Version 1.2.3.400 and 10.0.0.7 stay.":                                        "Version 1.2.3.400 and 10.0.0.7 stay.",
		"Card 4111 1111 1111 1111, not 4111 1111 1111 1112.":                          "Card <card>, not 4111 1111 1111 1112.",
		"ES91 2100 0418 4502 0005 1332 pays; ES91 2100 0418 4502 0005 1333 does not.": "<iban> pays; ES91 2100 0418 4502 0005 1333 does not.",
		"Call +34 612 345 678 or (555) 123-4567.":                                     "Call <phone> or <phone>.",
		"In 1914 and 1918, 12,000 of 1 000 000.":                                      "In 1914 and 1918, 12,000 of 1 000 000.",
	} {
		d := &Document{Text: in}
		if drop, err := NewPII().Apply(d); err != nil || drop.Rule != "" || d.Text != want {
			t.Errorf("%q becomes %q, %+v %v", in, d.Text, drop, err)
		}
	}
	s := NewPII()
	s.Mask, s.Max = false, 1
	d := &Document{Text: "a@b.com, c@d.com"}
	if drop, _ := s.Apply(d); drop.Rule != "pii.max" || drop.Value != 2 || drop.Note != "email 2" || d.Text != "a@b.com, c@d.com" {
		t.Errorf("%+v, %q", drop, d.Text)
	}
}

func TestURLs(t *testing.T) {
	dir := write(t, map[string]string{"domains.txt": "# blocked\nbad.example\nco.uk\n", "allow.txt": "good.bad.example\n"})
	s := &URLs{Domains: settings.Path{Written: "domains.txt", Abs: filepath.Join(dir, "domains.txt")}, Allow: settings.Path{Written: "allow.txt", Abs: filepath.Join(dir, "allow.txt")},
		Words: []string{"casino"}, SoftWords: []string{"free", "cam", "hot"}, Parts: []string{"pornhub"}}
	for url, rule := range map[string]string{
		"": "", "https://www.bad.example/x": "urls.domains", "https://sub.bad.example": "urls.domains", "https://good.bad.example/": "",
		"https://notbad.example/": "", "https://shop.co.uk/": "", "https://a.org/casino-online": "urls.words", "https://a.org/casinoonline": "",
		"https://a.org/free-cam": "urls.soft_words", "https://a.org/free": "", "https://a.org/porn-hub": "urls.parts", "https://[::1": "urls.invalid",
	} {
		if drop, err := s.Apply(&Document{URL: url}); err != nil || drop.Rule != rule {
			t.Errorf("%s: %+v %v, want %s", url, drop, err, rule)
		}
	}
	gone := &URLs{Domains: settings.Path{Written: "gone.txt", Abs: filepath.Join(dir, "gone.txt")}}
	if _, err := gone.Apply(&Document{URL: "https://a.org"}); err == nil {
		t.Error("a list that is not there is no error")
	}
}

func TestBadWords(t *testing.T) {
	dir := write(t, map[string]string{"de.txt": "böses wort\nschlimm\n"})
	s := &BadWords{Lists: map[string]settings.Path{"de": {Written: "de.txt", Abs: filepath.Join(dir, "de.txt")}}}
	for _, test := range []struct {
		language, text string
		n              float64
	}{
		{"en", "Scunthorpe has a cock on its weathervane", 0}, {"en", "what a MOTHERFUCKER he is", 1}, {"es", "qué GILIPOLLAS", 1}, {"fr", "gilipollas", 0},
		{"de", "Ein böses  Wort, und noch eins: schlimm!", 2}, {"de", "böses, Wort", 1},
	} {
		drop, err := s.Apply(&Document{Text: test.text, Language: test.language})
		if err != nil || (drop.Rule != "") != (test.n > 0) || drop.Value != test.n {
			t.Errorf("%q: %+v %v, want %v", test.text, drop, err, test.n)
		}
	}
}

type labelledRow struct {
	Text  string `parquet:"text"`
	Label int64  `parquet:"label"`
}

// TestQuality: a classifier tells prose from advertisements that it has not seen.
func TestQuality(t *testing.T) {
	file := filepath.Join(t.TempDir(), "labelled.parquet")
	var rows []labelledRow
	good := []string{"the river", "an old bridge", "her daughter", "the winter", "a letter", "the garden", "his brother", "the harbour"}
	bad := []string{"shoes", "phones", "watches", "laptops", "tickets", "hotels", "cameras", "bags"}
	for i, g := range good {
		rows = append(rows, labelledRow{"She remembered " + g + " as it was when they were young, and wrote of it in the evening.", 1})
		rows = append(rows, labelledRow{"Buy " + bad[i] + " online now! Free shipping, best price, click here to order cheap " + bad[i] + ".", 0})
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := parquet.Write(f, rows); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := NewQualityModel()
	s.Train = settings.Path{Written: "labelled.parquet", Abs: file}
	d := &Document{Text: "They remembered the old mill, and wrote of the winter in the evening."}
	if drop, err := s.Apply(d); drop.Rule != "" || err != nil || *d.scores.quality < .6 {
		t.Errorf("%+v %v %v", drop, err, d.scores.quality)
	}
	if drop, err := s.Apply(&Document{Text: "Order cheap umbrellas online, best price, free shipping!"}); drop.Rule != "quality.min" || err != nil || drop.Value > .4 {
		t.Errorf("%+v %v", drop, err)
	}
	s = NewQualityModel()
	s.Train, s.GoodFrom = settings.Path{Written: "labelled.parquet", Abs: file}, 5
	if _, err := s.Apply(d); err == nil || !strings.Contains(err.Error(), "0 of 16 texts are good") {
		t.Errorf("%v", err)
	}
	s = NewQualityModel()
	s.Train, s.Label = settings.Path{Written: "labelled.parquet", Abs: file}, "stars"
	if _, err := s.Apply(d); err == nil || !strings.Contains(err.Error(), "no column stars") {
		t.Errorf("%v", err)
	}
}

func TestPerplexity(t *testing.T) {
	dir := write(t, map[string]string{"good.txt": strings.Repeat(prosa(12, "El río medraba de noche.")+"\n\n"+prosa(9, "La herrera encendió el fuego.")+"\n\n", 30)})
	s := NewPerplexity()
	s.Train = settings.Path{Written: "good.txt", Abs: filepath.Join(dir, "good.txt")}
	if drop, err := s.Apply(&Document{Text: prosa(12, "El río medraba de noche.")}); drop.Rule != "" || err != nil {
		t.Errorf("%+v %v", drop, err)
	}
	if drop, err := s.Apply(&Document{Text: "zxq 77 #### qqw kjh vvv 0x3f"}); drop.Rule != "perplexity.keep" || drop.Note != "tail" || err != nil || drop.Value <= drop.Limit {
		t.Errorf("%+v %v", drop, err)
	}
}

// TestSignals: what is stored is what measuring gives, and steps decide from it alone.
func TestSignals(t *testing.T) {
	d := &Document{Text: prosa(4, "El río medraba.") + "\n\n" + prosa(4, "El río medraba."), Language: "es"}
	s := *d.signals()
	if s.Words == 0 || s.Duplicate5 == 0 {
		t.Errorf("%+v", s)
	}
	again := &Document{Text: d.Text, Language: "es"}
	again.recall(&s)
	if got := *again.signals(); got != s {
		t.Errorf("%+v, stored %+v", got, s)
	}
	s.Words = 7 // as the text has not
	again.recall(&s)
	if drop, _ := NewGopherQuality().Apply(again); drop.Rule != "gopher_quality.min_words" || drop.Value != 7 {
		t.Errorf("the text was measured: %+v", drop)
	}
	again.Text += " y más"
	if q := again.measure("").Quality(); q != textstat.MeasureQuality(again.Text, textstat.TokenList(again.Text)) {
		t.Error("signals of another text were used")
	}
}

// prosa is Spanish text of n sentences after the first.
func prosa(n int, first string) string {
	return first + strings.Repeat(" Y la gente del pueblo siguió con el trabajo que había hecho siempre, en los campos de la ribera.", n)
}
