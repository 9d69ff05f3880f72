package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// prose returns paragraphs that differ from call to call.
func prose(seed, paragraphs int) string {
	words := strings.Fields("the ferry leaves small harbour at seven and needs about forty minutes to island where bus waits for passengers every day of year in winter captain decides whether it stays")
	var s strings.Builder
	for p := range paragraphs {
		s.WriteString("The")
		for i := range 90 {
			fmt.Fprintf(&s, " %s", words[(seed*31+p*17+i*(seed%7+2))%len(words)])
		}
		s.WriteString(".\n\n")
	}
	return s.String()
}

// book puts prose under each heading.
func book(headings ...string) string {
	var s strings.Builder
	for i, h := range headings {
		s.WriteString(h + "\n\n" + prose(i, 6))
	}
	return s.String()
}

// TestChapterStyles holds that headings of every style open a chapter each.
func TestChapterStyles(t *testing.T) {
	for _, headings := range [][]string{
		{"—I—", "—II—", "—III—"},
		{"- I -", "- II -", "- III -"},
		{"--1--", "--2--", "--3--"},
		{"[I]", "[II]", "[III]"},
		{"* I *", "* II *", "* III *"},
		{"CHAP I.", "CHAP II.", "CHAP. III."},
		{"CHAPTER THE FIRST", "CHAPTER THE SECOND", "CHAPTER THE LAST"},
		{"Chapter 1: The ferry", "Chapter 2: The bus", "Chapter 3: The captain"},
		{"THE FIRST CHAPTER", "THE SECOND CHAPTER", "THE THIRD CHAPTER"},
		{"Capítulo primero", "Capítulo segundo", "Capítulo vigésimo tercero"},
		{"CAPITULO I", "CAPITULO II", "CAPITULO III"},
		{"Letter I", "Letter II", "Letter III"},
		{"Carta primera", "Carta segunda", "Carta tercera"},
		{"I. The ferry", "II. The bus", "III. The captain"},
		{"I", "II", "III", "IV"},
		{"1", "2", "3", "4"},
		{"Canto I", "Canto II", "Canto III"},
		{"Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ"},
		{"(I)", "(II)", "(III)"},
		{"~ I ~", "~ II ~", "~ III ~"},
		{"· 1 ·", "· 2 ·", "· 3 ·"},
		{"=I=", "=II=", "=III="},
		{"– I –", "– II –", "– III –"},
		{"I.º", "II.º", "III.º"},
		{"CAPÍTULO 1º", "CAPÍTULO 2º", "CAPÍTULO 3º"},
		{"CHAPTER I.—The Ferry", "CHAPTER II.—The Bus", "CHAPTER III.—The Captain"},
		{"Chapter I: in which the ferry leaves", "Chapter II: in which it comes back", "Chapter III: the last"},
		{"CHAPTER ONE", "CHAPTER TWO", "CHAPTER TWENTY-THREE"},
		{"Capítulo uno", "Capítulo dos", "Capítulo treinta y tres"},
		{"CAPÍTULO XXI", "CAPÍTULO XXII", "CAPÍTULO XXIII"},
		{"Cap. I", "Cap. II", "Cap. III"},
		{"Stave One", "Stave Two", "Stave Three"},
		{"Chapitre premier", "Chapitre II", "Chapitre III"},
		{"Erstes Kapitel", "Zweites Kapitel", "Drittes Kapitel", "Viertes Kapitel"},
		{"Capitolo primo", "Capitolo secondo", "Capitolo terzo"},
		{"Capítulo primeiro", "Capítulo segundo", "Capítulo terceiro"},
		{"Capítol I", "Capítol II", "Capítol III"},
		{"Глава I", "Глава II", "Глава III"},
		{"PREFACE", "CHAPTER I", "CHAPTER II", "EPILOGUE"},
		{"THE FERRY", "THE BUS AT THE HARBOUR", "FORTY MINUTES", "WINTER"},
		{"La barca", "Un autobús en el puerto", "Cuarenta minutos", "El invierno"},
	} {
		var got []string
		for _, c := range Chapters("The Harbour, a tale by Nobody.\n\n" + book(headings...)) {
			got = append(got, c.Title)
		}
		want := []string{""}
		for _, h := range headings {
			want = append(want, strings.Trim(h, " #*_[]-"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("chapters %q\n    want %q", got, want)
		}
	}
}

// TestParts holds that chapters know their part, also where their numbers start again.
func TestParts(t *testing.T) {
	for _, parts := range [][2]string{{"THE FIRST ACT", "THE SECOND ACT"}, {"Primera parte", "Segunda parte"}, {"BOOK I", "BOOK II"}, {"Tomo primero", "Tomo segundo"}, {"PART THE FIRST", "PART THE SECOND"}, {"PARTE I.", "PARTE II."}, {"Erster Teil", "Zweiter Teil"}, {"Livre premier", "Livre second"},
		{"LA PRIMERA PARTE", "LA SEGUNDA PARTE"}, {"Acto primero", "Acto segundo"}, {"VOLUME THE FIRST", "VOLUME THE SECOND"}} {
		text := parts[0] + "\n\n" + book("I", "II", "III") + parts[1] + "\n\n" + book("I", "II", "III")
		var got []string
		for _, c := range Chapters(text) {
			got = append(got, c.Part+"/"+c.Title)
		}
		var want []string
		for _, p := range parts {
			want = append(want, p+"/I", p+"/II", p+"/III")
		}
		if !slices.Equal(got, want) {
			t.Errorf("chapters %q\n    want %q", got, want)
		}
	}
}

// TestContents holds that a list of contents is no row of chapters, wherever it stands.
func TestContents(t *testing.T) {
	heads := []string{"CHAPTER I. The ferry", "CHAPTER II. The bus", "CHAPTER III. The captain", "CHAPTER IV. Winter"}
	list := "CONTENTS\n\n" + strings.Join(heads, "\n\n") + "\n\n"
	for name, text := range map[string]string{"before": list + book(heads...), "behind": book(heads...) + list, "in one line": "CONTENTS\n\nChapter I Chapter II\nChapter III Chapter IV\n\n" + book(heads...), "in one block": "CONTENTS\n\n" + strings.Join(heads, "\n") + "\n\n" + book(heads...)} {
		titled := 0
		for _, c := range Chapters(text) {
			if c.Title != "" {
				titled++
				if len(c.Text) < 1000 {
					t.Errorf("%s: %q is a chapter", name, c.Text)
				}
			}
		}
		if titled != len(heads) {
			t.Errorf("%s: %d chapters, want %d", name, titled, len(heads))
		}
	}
}

// TestNumeralsInside holds that numerals which number the poems of one chapter, the letters
// of a glossary, or the year on a title page open no chapters, and that the title page of a
// second volume hides no first chapter.
func TestNumeralsInside(t *testing.T) {
	poem := ""
	for i := range 20 {
		poem += toRoman(i+1) + ".\n\n" + prose(i, 1)
	}
	titles := []string{"THE FERRY", "THE BUS AT THE HARBOUR", "FORTY MINUTES", "WINTER", "SUMMER"}
	title := "VOL. II.\n\nLONDON\n\nSmith and Sons, Little Street\n\nNew edition\n\nMDCCCXCV\n\n"
	glossary := ""
	for i, letter := range []string{"A", "C", "L"} {
		glossary += letter + "\n\n" + prose(i, 1)
	}
	titled := []string{"-I- The ferry", "-II- The bus", "-III- The captain", "-IV- Winter"}
	sections := ""
	for i, h := range titled {
		sections += h + "\n\n-I-\n\n" + prose(i, 6) + "-II-\n\n" + prose(i+9, 6) + "-III-\n\n" + prose(i+18, 6)
	}
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"sections":   {sections, []string{"I- The ferry", "II- The bus", "III- The captain", "IV- Winter"}},
		"poems":      {"A tale.\n\n" + book(titles[:4]...) + poem + book(titles[4:]...), titles},
		"title page": {"VOL. I.\n\n" + book("CHAPTER I", "CHAPTER II") + title + book("CHAPTER I", "CHAPTER II"), []string{"CHAPTER I", "CHAPTER II", "CHAPTER I", "CHAPTER II"}},
		"glossary":   {book("I", "II", "III", "IV", "V", "VI") + glossary, []string{"I", "II", "III", "IV", "V", "VI"}},
	} {
		var got []string
		for _, c := range Chapters(test.text) {
			if c.Title != "" {
				got = append(got, c.Title)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: chapters %q, want %q", name, got, test.want)
		}
	}
}
