// Trainlanguage makes the table of n-grams with which fragua names languages,
// pipeline/langid/model.bin, and the table of letters by which it tells encodings,
// pipeline/extract/letters.txt. None of what it learns from is in this
// repository; all of it may be redistributed:
//
//	-lingua     github.com/pemistahl/lingua-go@v1.4.0, folder language-models: how letters
//	            follow each other in news and web pages of 75 languages (Apache-2.0):
//	            go mod download github.com/pemistahl/lingua-go@v1.4.0
//	-words      the most frequent words of film subtitles in 50 languages, as
//	            hermitdave/FrequencyWords 2018 has them (CC BY-SA 4.0): es.txt, ca.txt …
//	-sentences  up to 1,000 sentences in each of 112 languages from Tatoeba, as
//	            facebookresearch/LASER has them (CC BY 2.0 FR): spa.txt, cat.txt …;
//	            each fifth is kept to judge by
//	-mo         Debian 12's packages libreoffice-l10n-* (MPL-2.0), unpacked
//	-help-pages Debian 12's packages libreoffice-help-* (MPL-2.0), unpacked
//	-xpi        Debian 12's packages firefox-esr-l10n-* (MPL-2.0), unpacked
//
// Packages are had with `apt-get download` and unpacked with `dpkg-deb -x FILE DIR`.
// The same data and steps give the same bytes.
//
//	go run ./cmd/trainlanguage -lingua DIR -words DIR -sentences DIR -mo DIR -help-pages DIR -xpi DIR
//
// -test names a folder with sentences/, word-pairs/ and single-words/ to report on,
// in files named by the language's code; lingua-go has such a folder in
// cmd/language-testdata. Nothing is learned from it.
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fragua/pipeline/langid"
)

func main() {
	log.SetFlags(0)
	var from sources
	flag.StringVar(&from.lingua, "lingua", "", "lingua-go's language-models")
	flag.StringVar(&from.words, "words", "", "folder of word lists")
	flag.StringVar(&from.sentences, "sentences", "", "folder of sentences")
	flag.StringVar(&from.mo, "mo", "", "folder with .mo files")
	flag.StringVar(&from.help, "help-pages", "", "folder with help pages")
	flag.StringVar(&from.xpi, "xpi", "", "folder with .xpi files")
	test := flag.String("test", "", "folder of lines to report on")
	table := flag.String("letters", "pipeline/extract/letters.txt", "where the table of letters goes, by which encodings are judged; empty for none")
	steps := flag.Int("steps", 8_000_000, "texts to learn from")
	out := flag.String("out", "pipeline/langid/model.bin", "where the model goes; empty for none")
	flag.Parse()
	if err := from.check(); err != nil {
		log.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	all, err := from.gather(rng)
	if err != nil {
		log.Fatal(err)
	}
	if *table != "" {
		if err := os.WriteFile(*table, letters(all), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	if *out == "" {
		return
	}
	b := train(all, *steps, rng)
	if err := os.WriteFile(*out, b, 0o644); err != nil {
		log.Fatal(err)
	}
	model, err := langid.Load(b)
	if err != nil {
		log.Fatal(err)
	}
	if err := report(model, *test, from.sentences); err != nil {
		log.Fatal(err)
	}
}

// report prints the share of lines whose language is found: for each language of
// the test, and the mean over them, and for each language of the sentences kept.
func report(m *langid.Model, test, sentences string) error {
	for _, kind := range []string{"sentences", "word-pairs", "single-words"} {
		files, err := filepath.Glob(filepath.Join(test, kind, "*.txt"))
		if err != nil {
			return err
		}
		sum := 0.0
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			share := right(m, name, strings.Split(strings.TrimSpace(string(b)), "\n"))
			fmt.Printf("%s %s\n", strings.TrimPrefix(name, test), share)
			sum += share.value
		}
		if len(files) > 0 {
			fmt.Printf("%s: %.4f of %d languages\n", kind, sum/float64(len(files)), len(files))
		}
	}
	files, err := filepath.Glob(filepath.Join(sentences, "*.txt"))
	if err != nil {
		return err
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if codeOf(name) >= 0 {
			fmt.Printf("kept %s %s\n", filepath.Base(name), right(m, name, held(strings.Split(strings.TrimSpace(string(b)), "\n"), true)))
		}
	}
	return nil
}

type share struct {
	value float64
	taken string // the language that is most often answered instead
}

func (s share) String() string { return fmt.Sprintf("%.3f (%s)", s.value, s.taken) }

func right(m *langid.Model, name string, lines []string) share {
	k := codeOf(name)
	wrong := make([]int, len(langid.Languages)+1)
	n := 0
	for _, s := range lines {
		if got, _ := m.Detect(s, nil); got == k {
			n++
		} else if got >= 0 {
			wrong[got]++
		}
	}
	most := slices.Index(wrong, slices.Max(wrong))
	return share{float64(n) / float64(len(lines)), append(langid.Languages, langid.Language{})[most].Code}
}
