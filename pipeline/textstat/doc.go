// Package textstat makes numbers of text: words, lines, repetition, the signals
// of Gopher's quality rules, and the language. It knows no documents and no
// thresholds: it counts, and who calls it decides.
//
// A word is what Unicode's UAX #29 makes of text, not what spaces part: "don't"
// is one, "Don Quijote" two, and Chinese has words too. Lengths are in code
// points. Anchors disagree on words (spaCy, NLTK, white space), so verdicts near
// a threshold can differ from theirs.
package textstat
