package langid

import "slices"

// A Script is what a character is written in; languages of different scripts
// need no statistics to be told apart.
type Script uint8

const (
	noScript Script = iota
	latin
	cyrillic
	arabic
	hebrew
	devanagari
	bengali
	ethiopic
	greek
	han
	kana
	hangul
	thai
	armenian
	georgian
	gujarati
	gurmukhi
	kannada
	khmer
	lao
	malayalam
	myanmar
	oriya
	sinhala
	tamil
	telugu
	tibetan
	Scripts // how many there are
)

// A Language is a code that the model knows: ISO 639-1 where there is one and
// ISO 639-3 otherwise, the ISO 639-3 code, and what it is written in.
type Language struct {
	Code, Code3 string
	Scripts     []Script
}

// Languages is THE table of languages; the model's rows are in its order.
var Languages = []Language{
	{"af", "afr", []Script{latin}}, {"am", "amh", []Script{ethiopic}}, {"ar", "ara", []Script{arabic}},
	{"ast", "ast", []Script{latin}}, {"az", "aze", []Script{latin}}, {"be", "bel", []Script{cyrillic}},
	{"bg", "bul", []Script{cyrillic}}, {"bn", "ben", []Script{bengali}}, {"br", "bre", []Script{latin}},
	{"bs", "bos", []Script{latin}}, {"ca", "cat", []Script{latin}}, {"cs", "ces", []Script{latin}},
	{"cy", "cym", []Script{latin}}, {"da", "dan", []Script{latin}}, {"de", "deu", []Script{latin}},
	{"dz", "dzo", []Script{tibetan}}, {"el", "ell", []Script{greek}}, {"en", "eng", []Script{latin}},
	{"eo", "epo", []Script{latin}}, {"es", "spa", []Script{latin}}, {"et", "est", []Script{latin}},
	{"eu", "eus", []Script{latin}}, {"fa", "pes", []Script{arabic}}, {"fi", "fin", []Script{latin}},
	{"fo", "fao", []Script{latin}}, {"fr", "fra", []Script{latin}}, {"fy", "fry", []Script{latin}},
	{"ga", "gle", []Script{latin}}, {"gd", "gla", []Script{latin}}, {"gl", "glg", []Script{latin}},
	{"gu", "guj", []Script{gujarati}}, {"he", "heb", []Script{hebrew}}, {"hi", "hin", []Script{devanagari}},
	{"hr", "hrv", []Script{latin}}, {"hu", "hun", []Script{latin}}, {"hy", "hye", []Script{armenian}},
	{"id", "ind", []Script{latin}}, {"is", "isl", []Script{latin}}, {"it", "ita", []Script{latin}},
	{"ja", "jpn", []Script{kana, han}}, {"jv", "jav", []Script{latin}}, {"ka", "kat", []Script{georgian}},
	{"kk", "kaz", []Script{cyrillic}}, {"km", "khm", []Script{khmer}}, {"kn", "kan", []Script{kannada}},
	{"ko", "kor", []Script{hangul}}, {"ku", "kur", []Script{latin}}, {"la", "lat", []Script{latin}},
	{"lg", "lug", []Script{latin}}, {"lo", "lao", []Script{lao}}, {"lt", "lit", []Script{latin}},
	{"lv", "lvs", []Script{latin}}, {"mi", "mri", []Script{latin}}, {"mk", "mkd", []Script{cyrillic}},
	{"ml", "mal", []Script{malayalam}}, {"mn", "mon", []Script{cyrillic}}, {"mr", "mar", []Script{devanagari}},
	{"ms", "zsm", []Script{latin}}, {"my", "mya", []Script{myanmar}}, {"nb", "nob", []Script{latin}},
	{"ne", "nep", []Script{devanagari}}, {"nl", "nld", []Script{latin}}, {"nn", "nno", []Script{latin}},
	{"oc", "oci", []Script{latin}}, {"or", "ori", []Script{oriya}}, {"pa", "pan", []Script{gurmukhi}},
	{"pl", "pol", []Script{latin}}, {"pt", "por", []Script{latin}}, {"ro", "ron", []Script{latin}},
	{"ru", "rus", []Script{cyrillic}}, {"rw", "kin", []Script{latin}}, {"si", "sin", []Script{sinhala}},
	{"sk", "slk", []Script{latin}}, {"sl", "slv", []Script{latin}}, {"sn", "sna", []Script{latin}},
	{"so", "som", []Script{latin}}, {"sq", "sqi", []Script{latin}}, {"sr", "srp", []Script{cyrillic, latin}},
	{"st", "sot", []Script{latin}}, {"sv", "swe", []Script{latin}}, {"sw", "swh", []Script{latin}},
	{"ta", "tam", []Script{tamil}}, {"te", "tel", []Script{telugu}}, {"tg", "tgk", []Script{cyrillic}},
	{"th", "tha", []Script{thai}}, {"tk", "tuk", []Script{latin}}, {"tl", "tgl", []Script{latin}},
	{"tn", "tsn", []Script{latin}}, {"tr", "tur", []Script{latin}}, {"ts", "tso", []Script{latin}},
	{"tt", "tat", []Script{cyrillic}}, {"ug", "uig", []Script{arabic}}, {"uk", "ukr", []Script{cyrillic}},
	{"ur", "urd", []Script{arabic}}, {"uz", "uzb", []Script{latin}}, {"vi", "vie", []Script{latin}},
	{"xh", "xho", []Script{latin}}, {"yi", "yid", []Script{hebrew}}, {"yo", "yor", []Script{latin}},
	{"zh", "cmn", []Script{han}}, {"zu", "zul", []Script{latin}},
	{"", Unknown, []Script{latin, cyrillic}},
}

// Unknown is the second code of what is no language of the table: other
// languages, and letters that make no words.
const Unknown = "und"

// Index returns the place of a language in Languages by one of its codes; -1 if
// it is not there. "no" is read as Bokmål.
func Index(code string) int {
	if code == "no" || code == "nor" {
		code = "nb"
	}
	return slices.IndexFunc(Languages, func(l Language) bool { return l.Code == code || l.Code3 == code })
}
