package extract

import "testing"

func TestOCRQuality(t *testing.T) {
	for text, want := range map[string]float64{
		"": 1,
		"The ferry leaves at seven, on the 2nd of May 1893; Mr. McCarthy's dog (a Newfoundland) is on it.": 1,
		"El niño leyó «Marianela» el 3.º día, y no dijo nada más; ¡qué sé yo! ¿Y tú?":                      1,
		"Мой дядя самых честных правил":                                                                    1,
		"tlie f3rry ]eaves tHe harb0ur": .4, // tlie is a word for all we know
		"aaaaa x ~~~ th|s":              0,
	} {
		if got := OCRQuality(text); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("OCRQuality(%q) = %.3f, want %.3f", text, got, want)
		}
	}
}
