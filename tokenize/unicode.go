package tokenize

import "encoding/base64"

// A class is what the patterns ask of a code point.
type class = uint8

const (
	other   class = iota // punctuation, symbols, controls, unassigned; and bytes that are not UTF-8
	upper                // Lu, Lt
	lower                // Ll
	letter               // Lm, Lo
	mark                 // M
	number               // N
	space                // White_Space except the next
	newline              // \r \n
	multi                // in asciiClass: not ASCII, look further
)

func isLetter(k class) bool { return k-upper <= letter-upper }
func isOther(k class) bool  { return k == other || k == mark } // [^\s\p{L}\p{N}]

// asciiClass answers for one byte; classPage and classOf for all code points in
// two steps. The tables are made once from classRuns and never change.
var asciiClass, classPage, classOf = expandClasses()

func expandClasses() (ascii [256]class, page [0x1100]uint8, classes [][256]class) {
	runs, err := base64.StdEncoding.DecodeString(classRuns)
	if err != nil {
		panic("tokenize: the table of classes is damaged: " + err.Error())
	}
	uniform := map[class]uint8{} // pages of one class are shared
	var open [256]class
	c := 0
	for len(runs) > 0 {
		var v, shift uint
		for runs[0] >= 0x80 {
			v |= uint(runs[0]&0x7f) << shift
			shift, runs = shift+7, runs[1:]
		}
		v |= uint(runs[0]) << shift
		runs = runs[1:]
		k, n := class(v&7), int(v>>3)
		for n > 0 {
			if c&255 == 0 && n >= 256 {
				id, ok := uniform[k]
				if !ok {
					id = uint8(len(classes))
					uniform[k] = id
					var pg [256]class
					for i := range pg {
						pg[i] = k
					}
					classes = append(classes, pg)
				}
				page[c>>8] = id
				c, n = c+256, n-256
				continue
			}
			open[c&255] = k
			if c&255 == 255 {
				page[c>>8] = uint8(len(classes))
				classes = append(classes, open)
			}
			c, n = c+1, n-1
		}
	}
	if c != 0x110000 || len(classes) > 256 {
		panic("tokenize: the table of classes is damaged")
	}
	for i := range ascii {
		ascii[i] = multi
		if i < 0x80 {
			ascii[i] = classes[page[0]][i]
		}
	}
	return ascii, page, classes
}

// runeClass returns the class of a code point.
func runeClass(r rune) class {
	if uint32(r) > 0x10FFFF {
		return other
	}
	return classOf[classPage[uint32(r)>>8]][r&255]
}

// classAt returns the class of the character that begins at b[i], and how many
// bytes it has. A byte that does not begin valid UTF-8 is other, and stands alone.
func classAt(b []byte, i int) (class, int) {
	if k := asciiClass[b[i]]; k != multi {
		return k, 1
	}
	return multiClassAt(b, i)
}

// multiClassAt is classAt for bytes of 0x80 and more. It accepts what Unicode
// table 3-7 does: no overlong forms, no surrogates, nothing above U+10FFFF.
func multiClassAt(b []byte, i int) (class, int) {
	c := b[i]
	b = b[i:]
	switch {
	case c < 0xC2 || c > 0xF4:
		return other, 1
	case c < 0xE0:
		if len(b) < 2 || b[1]&0xC0 != 0x80 {
			return other, 1
		}
		r := uint32(c&0x1F)<<6 | uint32(b[1]&0x3F)
		return classOf[classPage[r>>8]][r&255], 2
	case c < 0xF0:
		if len(b) < 3 || b[1]&0xC0 != 0x80 || b[2]&0xC0 != 0x80 {
			return other, 1
		}
		r := uint32(c&0x0F)<<12 | uint32(b[1]&0x3F)<<6 | uint32(b[2]&0x3F)
		if r < 0x800 || r-0xD800 < 0x800 {
			return other, 1
		}
		return classOf[classPage[r>>8]][r&255], 3
	}
	if len(b) < 4 || b[1]&0xC0 != 0x80 || b[2]&0xC0 != 0x80 || b[3]&0xC0 != 0x80 {
		return other, 1
	}
	r := uint32(c&7)<<18 | uint32(b[1]&0x3F)<<12 | uint32(b[2]&0x3F)<<6 | uint32(b[3]&0x3F)
	if r-0x10000 > 0xFFFFF {
		return other, 1
	}
	return classOf[classPage[r>>8]][r&255], 4
}
