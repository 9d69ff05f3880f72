package examples

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fragua/pipeline/settings"
)

func TestSameNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1,234.5 km", "1.234,5 km", true},
		{"1,234,567 people", "1.234.567 personas", true},
		{"1,234 people", "1.234 personas", true},
		{"1 234 people", "1234 personas", false}, // two numbers, and one
		{"12 345", "12\u00a0345", false},
		{"12\u202f345", "12,345", true},
		{"1.50 euros", "1,5 euros", true},
		{"1.5", "15", false},
		{"0.5", "0,50", true},
		{"in 1984", "en 1948", false},
		{"three cats", "3 gatos", true},
		{"3 cats and 4 dogs", "tres gatos y 4 perros", true},
		{"25 cats", "veinticinco gatos", true},
		{"257 cats", "muchos gatos", false},
		{"300 gold pieces", "trescientas piezas de oro", true},
		{"We waited until 2:30.", "Esperamos hasta las dos y media.", true},
		{"Is it 5:00 p.m.?", "¿Son las 5 de la tarde?", true},
		{"in the 14th century", "en el siglo XIV", true},
		{"errata of the R7000", "errores del R4000", false},
		{"v2.0.1", "v2.0.1", true},
		{"2 and 3", "3 y 2", true},
		{"007", "7", true},
		{"none", "ninguno", true},
	} {
		if odd, same := sameNumbers(c.a, c.b); same != c.same {
			t.Errorf("%q, %q: same is %v (%s)", c.a, c.b, same, odd)
		}
		if _, same := sameNumbers(c.b, c.a); same != c.same {
			t.Errorf("%q, %q: same is %v", c.b, c.a, same)
		}
	}
}

func TestCleaningRules(t *testing.T) {
	p := Pairs{MinWords: 1, Alphabet: 0.5, Numbers: true, Placeholders: true, SourceIs: "en", TargetIs: "es"}
	for _, c := range []struct{ source, target, want string }{
		{"The old bridge is behind the church.", "El puente viejo está detrás de la iglesia.", ""},
		{"| --- | --- | 12.5", "| --- | --- | 12,5", "alphabet 0.00 0.5"},
		{"It costs 25 euros.", "Cuesta 52 euros.", "numbers 25 | 52 "},
		{"Delete %s from {path}?", "¿Borrar {path}?", "placeholders %s |"},
		{"See https://a.org now", "Vea https://a.es ahora", "placeholders https://a.org | https://a.es "},
		{"The old bridge is behind the church near the river.", "The old bridge is behind the church near the river today.", "target_language en"},
		{"Hotel Madrid", "Hotel Madrid", ""}, // too short to tell
		{"It's 3:10.", "Son las tres y diez.", ""},
		{"It cost $30.", "Costó 30 dólares.", ""},
		{"git switch <branch>", "git switch <rama>", ""},
		{"git switch <branch>", "git switch", "placeholders <…> |"},
		{"Press <b>OK</b> to go on.", "Pulse <b>OK<b> para seguir.", "placeholders"},
		{"Expected `on' or `off' here.", "Se esperaba `on' u `off' aquí.", ""},
		{"Call `f('x')` first.", "Primero llame a `g('x')`.", "placeholders"},
		{"I&#8217;m the owner of it.", "Soy la propietaria.", "placeholders"},
		{"I'd like to go to Boston again someday.", "Me gustaría volver a Boston algún día.", ""},
		{"%(female_name)s died in %(month_year)s in %(death_place)s.", "%(female_name)s falleció en %(month_year)s en %(death_place)s.", ""},
	} {
		v := p.check(c.source, c.target)
		if got := strings.TrimSuffix(fmt.Sprintf("%s %s %s", v.rule, v.value, v.limit), "  "); got != c.want && !(c.want != "" && strings.HasPrefix(got, c.want)) {
			t.Errorf("%q, %q: %q, want %q", c.source, c.target, got, c.want)
		}
	}
	for want, p := range map[string]Pairs{"not a share": {Alphabet: 2}, "no language": {SourceIs: "xx-none"}, "no scores": {MinScore: -3}, "0 or less": {MinScore: 1}} {
		if f := p.faults(); len(f) != 1 || !strings.Contains(f[0].Err, want) {
			t.Errorf("want %q, got %+v", want, f)
		}
	}
}

// TestAligner: pairs that are put together wrongly score below those that are right.
func TestAligner(t *testing.T) {
	b, err := loadPhraseBook(filepath.Join("..", "..", "configs", "sample", "phrases.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := b.pairs(600, 2)
	if err != nil {
		t.Fatal(err)
	}
	a := newAligner()
	for i, p := range pairs {
		target := p[1]
		if i%20 == 0 {
			target = pairs[(i+7)%len(pairs)][1]
		}
		a.add(p[0], target)
	}
	scores := a.scores()
	sorted := slices.Sorted(slices.Values(scores))
	found := 0
	for i := 0; i < len(pairs); i += 20 {
		if scores[i] <= sorted[len(sorted)/20] {
			found++
		}
	}
	if found < 24 {
		t.Errorf("of 30 wrong pairs %d are among the lowest twentieth", found)
	}
	b2 := newAligner()
	b2.add("a", "b")
	b2.add("", "")
	if s := b2.scores(); len(s) != 2 || s[0] > 0 || s[1] != 0 {
		t.Errorf("%v", s)
	}
}

func readData(t *testing.T, rows layout) (got []record) {
	files, err := rows.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for r, err := range rows.read(f, columns{}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
	}
	return got
}

func TestMemories(t *testing.T) {
	dir := t.TempDir()
	file(t, dir, "a.tmx", []byte(`<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><header srclang="en"/><body>
<tu><note>n</note><tuv xml:lang="en-US"><seg>The <bpt i="1">&lt;b&gt;</bpt>red<ept i="1">&lt;/b&gt;</ept> &amp; <hi>big</hi> hammer</seg></tuv><tuv xml:lang="ES"><seg>El martillo</seg></tuv><tuv xml:lang="es-MX"><seg>otro</seg></tuv></tu>
<tu><tuv lang="en"><seg>alone</seg></tuv></tu></body></tmx>`))
	got := readData(t, &TMX{Path: settings.Path{Written: "a.tmx", Abs: filepath.Join(dir, "a.tmx")}, Source: "en", Target: "es"})
	if len(got) != 2 || got[0].text != "The red & big hammer" || got[0].target != "El martillo" || got[1].text != "alone" || got[1].target != "" {
		t.Errorf("%+v", got)
	}
	file(t, dir, "a.po", []byte(`msgid ""
msgstr "Language: es\n"

# note
#, fuzzy
msgctxt "menu"
msgid "open"
msgstr "abre"

msgid "%d "
"file"
msgid_plural "%d files"
msgstr[0] "%d fichero"
msgstr[1] "%d ficheros"
msgid "say \"hi\"\tnow"
msgstr "di \"hola\"\tya"

msgid "new"
msgstr ""
#~ msgid "old"
#~ msgstr "viejo"
`))
	got = readData(t, &PO{Path: settings.Path{Written: "a.po", Abs: filepath.Join(dir, "a.po")}})
	want := []record{{row: 0, text: "open", target: "abre", drop: "fuzzy"}, {row: 1, text: "%d file", target: "%d fichero"}, {row: 2, text: "%d files", target: "%d ficheros"},
		{row: 3, text: "say \"hi\"\tnow", target: "di \"hola\"\tya"}, {row: 4, text: "new"}}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
}

// Accents, case and points do not make another sentence.
func TestSentenceKeyFolds(t *testing.T) {
	for _, same := range [][2]string{{"¡Sí, mamá!", "si mama"}, {"Straße.", "straße"}, {"ＡＢＣ", "abc"}, {"Run!", "run."}} {
		if a, b := sentenceKey(same[0]), sentenceKey(same[1]); a != b {
			t.Errorf("%q and %q: %q, %q", same[0], same[1], a, b)
		}
	}
}
