package textstat

import (
	"strings"
	"sync"
)

// contraction returns the tokens of a word that English writes together, and
// abbreviations that keep their full stop as one; nil for other words.
func contraction(s string) []string {
	if parts, ok := contractions()[s]; ok {
		return parts
	}
	if n := len(s); n > 2 && s[0] >= '0' && s[0] <= '9' { // "10am"
		for _, half := range []string{"am", "pm", "a.m.", "p.m.", "a.m", "p.m"} {
			if number, ok := strings.CutSuffix(s, half); ok && clock[number] {
				return []string{number, half}
			}
		}
	}
	return nil
}

var clock = map[string]bool{"1": true, "2": true, "3": true, "4": true, "5": true, "6": true, "7": true, "8": true, "9": true, "10": true, "11": true, "12": true}

// mayContract reports whether a word of letters alone may be a contraction.
func mayContract(s string) bool { return len(s) <= 8 && contractions()[s] != nil }

var contractions = sync.OnceValue(func() map[string][]string {
	all := map[string][]string{}
	add := func(parts ...string) { // with straight and curly apostrophes, in small and with a capital
		whole := strings.Join(parts, "")
		title := strings.ToUpper(whole[:1]) + whole[1:]
		for _, w := range []string{whole, title} {
			list := make([]string, len(parts))
			at := 0
			for i, p := range parts {
				list[i] = w[at : at+len(p)]
				at += len(p)
			}
			all[w] = list
			curly := make([]string, len(parts))
			for i, p := range list {
				curly[i] = strings.ReplaceAll(p, "'", "’")
			}
			all[strings.ReplaceAll(w, "'", "’")] = curly
		}
	}
	for _, w := range strings.Fields("i") {
		for _, end := range []string{"'m", "m", "'ma"} {
			add(w, end)
		}
	}
	for _, w := range strings.Fields("i you he she it we they") {
		for _, end := range []string{"'ll", "ll", "'d", "d", "'ve", "ve", "'d've"} {
			if end == "'ve" && (w == "he" || w == "she" || w == "it") {
				continue
			}
			if end == "'d've" {
				add(w, "'d", "'ve")
				continue
			}
			add(w, end)
		}
	}
	for _, w := range strings.Fields("you we they") {
		add(w, "'re")
	}
	for _, w := range strings.Fields("he she it") {
		add(w, "'s")
	}
	for _, w := range strings.Fields("who what when where why how there that this") {
		for _, end := range []string{"'s", "'ll", "'d", "'re", "'ve"} {
			add(w, end)
		}
	}
	for _, w := range strings.Fields("could do does did had may might must need ought sha should wo would ca") {
		add(w, "n't")
		add(w, "nt")
		if strings.Contains("could might must should would", w) {
			add(w, "'ve")
			add(w, "n't", "'ve")
		}
	}
	for _, w := range strings.Fields("are is was were have has dare ai") {
		add(w, "n't")
		add(w, "nt")
	}
	for _, w := range strings.Fields("ill Ill its Its hell Hell shell Shell shed Shed were Were well Well") { // words of their own
		delete(all, w)
	}
	add("can", "not")
	add("gon", "na")
	add("got", "ta")
	add("let", "'s")
	add("lov", "in'")
	delete(all, "lovin'")
	for _, w := range strings.Fields("and/or 'S 's 'em 'Cause 'cause 'Cos 'cos 'Coz 'coz 'Cuz 'cuz 'bout 'nuff 'll 're 've 'd 'm Goin' goin' doin' Doin' havin' nothin' Nothin' nuthin' somethin' Somethin' o'clock ma'am Ma'am y'all") {
		all[w] = []string{w}
		w = strings.ReplaceAll(w, "'", "’")
		all[w] = []string{w}
	}
	for _, w := range strings.Fields(`Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans. Ky. La. Mar. Mass.
		Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep. Sept. Tenn. Va. Wash. Wis. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g.
		E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. p.m. a.m. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s.
		:) :-) :)) :( :-( ;) ;-) :D :-D :P :-P :p :/ :-/ :O :o <3 xD XD ^_^ :* =) =( =D :| :] :[ (: ): <33 8) 8-) B) :'( :3 o_O O_o -_- >.< ._. o.O`) {
		all[w] = []string{w}
	}
	for c := 'a'; c <= 'z'; c++ {
		all[string(c)+"."] = []string{string(c) + "."}
	}
	return all
})
