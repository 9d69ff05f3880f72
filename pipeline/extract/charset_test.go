package extract

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// told are sentences, written for this test, and encodings that they may come in.
var told = []struct {
	text      string
	encodings map[string]encoding.Encoding
}{
	{"La señora contestó que mañana traería «el carbón»; ¿qué más podía pedir el niño?", map[string]encoding.Encoding{"windows-1252": charmap.Windows1252, "macintosh": charmap.Macintosh, "ibm850": charmap.CodePage850}},
	{"Les élèves étaient déjà là, près du fleuve gelé, où l’eau avait cédé à Noël.", map[string]encoding.Encoding{"windows-1252": charmap.Windows1252, "macintosh": charmap.Macintosh}},
	{"Příliš žluťoučký kůň se napil vody a šel dál po cestě ke vsi.", map[string]encoding.Encoding{"windows-1250": charmap.Windows1250, "iso-8859-2": charmap.ISO8859_2}},
	{"Zażółć gęślą jaźń, powiedział kowal, i poszedł spać do stodoły.", map[string]encoding.Encoding{"windows-1250": charmap.Windows1250, "iso-8859-2": charmap.ISO8859_2, "ibm852": charmap.CodePage852}},
	{"A kovács tüzet gyújtott, és a fiú megkérdezte, miért lágyul meg a vörös vas, őszintén.", map[string]encoding.Encoding{"windows-1250": charmap.Windows1250}},
	{"Кузнец разжёг огонь, и мальчик спросил, почему красное железо мягкое.", map[string]encoding.Encoding{"windows-1251": charmap.Windows1251, "koi8-r": charmap.KOI8R, "ibm866": charmap.CodePage866, "ibm855": charmap.CodePage855, "x-mac-cyrillic": charmap.MacintoshCyrillic, "iso-8859-5": charmap.ISO8859_5}},
	{"Ο σιδεράς άναψε τη φωτιά και το αγόρι ρώτησε γιατί μαλακώνει το κόκκινο σίδερο.", map[string]encoding.Encoding{"windows-1253": charmap.Windows1253}},
	{"Demirci ateşi yaktı ve çocuk kızıl demirin neden yumuşadığını sordu.", map[string]encoding.Encoding{"windows-1254": charmap.Windows1254}},
	{"הנפח הדליק את האש והנער שאל למה הברזל האדום רך.", map[string]encoding.Encoding{"windows-1255": charmap.Windows1255}},
	{"أشعل الحداد النار وسأل الصبي لماذا يلين الحديد الأحمر.", map[string]encoding.Encoding{"windows-1256": charmap.Windows1256, "iso-8859-6": charmap.ISO8859_6}},
	{"Kalvis užkūrė ugnį, ir berniukas paklausė, kodėl raudona geležis minkšta.", map[string]encoding.Encoding{"windows-1257": charmap.Windows1257}},
	{"鍛冶屋が火をおこすと、少年はなぜ赤い鉄は柔らかいのかとたずねた。", map[string]encoding.Encoding{"shift_jis": japanese.ShiftJIS, "euc-jp": japanese.EUCJP, "iso-2022-jp": japanese.ISO2022JP}},
	{"대장장이가 불을 피우자 소년은 왜 붉은 쇠가 무른지 물었다.", map[string]encoding.Encoding{"euc-kr": korean.EUCKR}},
	{"铁匠点起了火，男孩问为什么红色的铁是软的。", map[string]encoding.Encoding{"gb18030": simplifiedchinese.GB18030}},
	{"鐵匠點起了火，男孩問為什麼紅色的鐵是軟的。", map[string]encoding.Encoding{"big5": traditionalchinese.Big5}},
	{"The smith lit the fire, and the boy asked why red iron is soft.", map[string]encoding.Encoding{"utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32be": utf32.UTF32(utf32.BigEndian, utf32.UseBOM)}},
}

// TestCharset: each sentence is read rightly whether its encoding is declared, or
// not, or another is.
func TestCharset(t *testing.T) {
	for _, test := range told {
		for name, enc := range test.encodings {
			b, err := enc.NewEncoder().Bytes([]byte(test.text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, declared := range []string{"", name, "utf-8", "iso-8859-1"} {
				if text, got, err := Decode(b, declared); err != nil || text != test.text {
					t.Errorf("%s declared as %q is read as %s, %v: %.60q", name, declared, got, err, text)
				}
			}
		}
	}
}

// TestCharmaps: the encodings of which only a table is here.
func TestCharmaps(t *testing.T) {
	for _, test := range []struct {
		text  string
		names []string
	}{
		{"Ο σιδεράς άναψε τη φωτιά και το αγόρι ρώτησε γιατί μαλακώνει το κόκκινο σίδερο.", []string{"ibm737", "ibm869", "x-mac-greek"}},
		{"Demirci ateşi yaktı ve çocuk kızıl demirin neden yumuşadığını sordu.", []string{"ibm857", "x-mac-turkish"}},
		{"Kalvis užkūrė ugnį, ir berniukas paklausė, kodėl raudona geležis minkšta.", []string{"ibm775"}},
		{"Járnsmiðurinn kveikti eldinn og drengurinn spurði hvers vegna rauða járnið væri mjúkt; það þótti góð spurning.", []string{"ibm861", "x-mac-icelandic"}},
		{"Коваль розпалив вогонь, і хлопець спитав, чому червоне залізо м'яке; її ніхто не чув.", []string{"ibm1125"}},
		{"Ұста от жағып, бала қызыл темірдің неге жұмсақ екенін сұрады.", []string{"kz-1048", "ptcp154"}},
		{"أشعل الحداد النار وسأل الصبي لماذا يلين الحديد الأحمر.", []string{"ibm720"}},
		{"Zażółć gęślą jaźń, powiedział kowal, i poszedł spać do stodoły.", []string{"x-mac-ce"}},
	} {
		for _, name := range test.names {
			table, b := charmaps()[name], []byte(nil)
			for _, r := range test.text {
				if r < utf8.RuneSelf {
					b = append(b, byte(r))
				} else {
					b = append(b, utf8.RuneSelf+byte(slices.Index(table.chars[:], r)))
				}
			}
			for _, declared := range []string{"", name, "utf-8"} {
				if text, got, err := Decode(b, declared); err != nil || text != test.text {
					t.Errorf("%s declared as %q is read as %s, %v: %.60q", name, declared, got, err, text)
				}
			}
		}
	}
}

// TestWide: UTF-16 and UTF-32 without a mark, in all scripts of the table; and text
// with stray zero bytes, which is neither.
func TestWide(t *testing.T) {
	for _, test := range told {
		for name, enc := range map[string]encoding.Encoding{
			"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
			"utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
		} {
			want := test.text + "\n"
			b, err := enc.NewEncoder().Bytes([]byte(want))
			if err != nil {
				t.Fatal(err)
			}
			if text, got, err := Decode(b, ""); err != nil || text != want || got != name {
				t.Errorf("%s is read as %s, %v: %.60q", name, got, err, text)
			}
		}
		if enc, name := Wide([]byte(test.text + "\x00\x00")); enc != nil {
			t.Errorf("%q with zero bytes is %s", test.text, name)
		}
	}
}

func TestHZ(t *testing.T) {
	const want = "The smith: 铁匠点起了火。\n"
	b, err := simplifiedchinese.HZGB2312.NewEncoder().Bytes([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if text, name, err := Decode(b, ""); text != want || name != "hz-gb-2312" || err != nil {
		t.Errorf("%q %s %v", text, name, err)
	}
	for _, plain := range []string{"f(~{x}~}) = 1\n", "~{ no ~}\n"} {
		if text, _, _ := Decode([]byte(plain), ""); text != plain {
			t.Errorf("%q becomes %q", plain, text)
		}
	}
}

func TestISO2022KR(t *testing.T) {
	b, err := korean.EUCKR.NewEncoder().Bytes([]byte("쇠는 무르다"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] &= 0x7f
	}
	text, name, err := Decode([]byte("\x1b$)CIron:\n\x0e"+strings.ReplaceAll(string(b), " ", "\x0f \x0e")+"\x0f.\n"), "")
	if text != "Iron:\n쇠는 무르다.\n" || name != "iso-2022-kr" || err != nil {
		t.Errorf("%q %s %v", text, name, err)
	}
}

// TestMojibake: what a misreading did to a sentence is undone, also if it was done
// twice, and what was never misread stays as it is.
func TestMojibake(t *testing.T) {
	for _, test := range told {
		if got := Mojibake(test.text); got != test.text {
			t.Errorf("%q becomes %q", test.text, got)
		}
		for _, enc := range misreadings {
			wrong := misread(test.text, enc)
			if !lossless(wrong, enc) {
				continue
			}
			if got := Mojibake(wrong); got != test.text {
				t.Errorf("%s: %q becomes %q", enc, wrong, got)
			}
			if twice := misread(wrong, enc); enc == charmap.Windows1252 {
				if got := Mojibake(twice); got != test.text {
					t.Errorf("%.80q becomes %.80q", twice, got)
				}
			}
		}
	}
	for in, want := range map[string]string{
		"caf\u00e9 \u0093doble\u0094\u0085": "café “doble”…",
		"le temps pass\u00e9\u0085 Hier":    "le temps passé… Hier",
		"voilÃ le travail":                  "voilà le travail",
		"«ESPAÑA», ŒUVRE, MANHÃ»":           "«ESPAÑA», ŒUVRE, MANHÃ»",
		"un prix de 5×£3, 100 m², №5 — «Р»": "un prix de 5×£3, 100 m², №5 — «Р»",
		"Nestlé® o NESTLÉ®… VOCÊ…":          "Nestlé® o NESTLÉ®… VOCÊ…",
	} {
		if got := Mojibake(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// misread returns a text's UTF-8 as it reads in an encoding, as browsers do.
func misread(text string, enc *charmap.Charmap) string {
	var s strings.Builder
	for _, c := range []byte(text) {
		r := enc.DecodeByte(c)
		if r == utf8.RuneError {
			r = rune(c)
		}
		s.WriteRune(r)
	}
	return s.String()
}

// lossless reports whether no byte was read as a character of another.
func lossless(text string, enc *charmap.Charmap) bool {
	for _, r := range text {
		if r >= utf8.RuneSelf {
			if _, ok := byteOf(r, enc); !ok {
				return false
			}
		}
	}
	return true
}

func BenchmarkDecode(b *testing.B) {
	text, _ := charmap.Windows1251.NewEncoder().Bytes([]byte(strings.Repeat(told[5].text+"\n", 100)))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, _, err := Decode(text, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMojibake(b *testing.B) {
	for _, k := range []int{0, 5, 9} {
		text := strings.Repeat(told[k].text+"\n", 100)
		b.Run(told[k].text[:8], func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Mojibake(text)
			}
		})
	}
}
