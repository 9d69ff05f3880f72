package serve

// A jsonPrefix accepts the bytes of one JSON object, one after another: whether what it has seen
// can still become an object (RFC 8259). It is copied to try what an id would add.
type jsonPrefix struct {
	stack  []byte // of { and [
	state  byte
	rest   string // of true, false, null that is to come
	digits byte   // of a number: what came last
	hex    int    // of \u that are to come
}

// The states: what may come next.
const (
	wantObject   = iota // the first {
	wantValue           // any value
	wantFirst           // a value, or ] of an empty list
	wantKey             // "
	wantFirstKey        // " or }
	wantColon
	inKey
	inString
	inKeyEscape
	inStringEscape
	inWord
	inNumber
	afterValue // , or the end of list or object
	complete
)

func (p *jsonPrefix) clone() jsonPrefix {
	c := *p
	c.stack = append([]byte(nil), p.stack...)
	return c
}

// add takes bytes; false: they cannot stand here.
func (p *jsonPrefix) add(b []byte) bool {
	for _, c := range b {
		if !p.byte(c) {
			return false
		}
	}
	return true
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func (p *jsonPrefix) byte(c byte) bool {
	switch p.state {
	case wantObject:
		if c == '{' {
			p.open(c)
			return true
		}
		return false
	case wantValue, wantFirst:
		return p.value(c)
	case wantKey, wantFirstKey:
		if c == '"' {
			p.state = inKey
			return true
		}
		return space(c) || c == '}' && p.state == wantFirstKey && p.close('{')
	case wantColon:
		if c == ':' {
			p.state = wantValue
			return true
		}
		return space(c)
	case inKey, inString:
		switch {
		case p.hex > 0:
			p.hex--
			return c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'f'
		case c == '\\':
			p.state += inKeyEscape - inKey
		case c == '"' && p.state == inKey:
			p.state = wantColon
		case c == '"':
			p.state = afterValue
		case c < ' ':
			return false
		}
		return true
	case inKeyEscape, inStringEscape:
		p.state -= inKeyEscape - inKey
		switch c {
		case 'u':
			p.hex = 4
			return true
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return true
		}
		return false
	case inWord:
		if c != p.rest[0] {
			return false
		}
		if p.rest = p.rest[1:]; p.rest == "" {
			p.state = afterValue
		}
		return true
	case inNumber:
		if p.number(c) {
			return true
		}
		if p.digits == '-' || p.digits == '.' || p.digits == 'e' || p.digits == '+' {
			return false // it lacks a digit
		}
		p.state = afterValue
		return p.byte(c)
	case afterValue:
		switch {
		case c == ',' && p.stack[len(p.stack)-1] == '{':
			p.state = wantKey
		case c == ',':
			p.state = wantValue
		case c == '}':
			return p.close('{')
		case c == ']':
			return p.close('[')
		default:
			return space(c)
		}
		return true
	}
	return false // complete: nothing may follow
}

func (p *jsonPrefix) open(c byte) {
	p.stack = append(p.stack, c)
	if p.state = wantFirst; c == '{' {
		p.state = wantFirstKey
	}
}

func (p *jsonPrefix) close(c byte) bool {
	n := len(p.stack)
	if p.stack[n-1] != c {
		return false
	}
	p.stack = p.stack[:n-1]
	if p.state = afterValue; n == 1 {
		p.state = complete
	}
	return true
}

func (p *jsonPrefix) value(c byte) bool {
	switch {
	case space(c):
		return true
	case c == '{' || c == '[':
		p.open(c)
	case c == ']':
		return p.state == wantFirst && p.close('[')
	case c == '"':
		p.state = inString
	case c == 't':
		p.state, p.rest = inWord, "rue"
	case c == 'f':
		p.state, p.rest = inWord, "alse"
	case c == 'n':
		p.state, p.rest = inWord, "ull"
	case c == '-':
		p.state, p.digits = inNumber, '-'
	case c == '0':
		p.state, p.digits = inNumber, '0'
	case c >= '1' && c <= '9':
		p.state, p.digits = inNumber, '1'
	default:
		return false
	}
	return true
}

// number goes on with a number. digits: - a sign, 0 a leading zero, 1 whole digits, . the point,
// 2 digits behind it, e the exponent's letter, + its sign, 3 its digits.
func (p *jsonPrefix) number(c byte) bool {
	digit := c >= '0' && c <= '9'
	if !digit && (p.digits == '-' || p.digits == '.' || p.digits == '+' || p.digits == 'e' && c != '+' && c != '-') {
		return false
	}
	switch p.digits {
	case '-':
		if p.digits = '1'; c == '0' {
			p.digits = '0'
		}
	case '0', '1', '2':
		switch {
		case digit && p.digits != '0':
		case c == '.' && p.digits != '2':
			p.digits = '.'
		case c|32 == 'e':
			p.digits = 'e'
		default:
			return false
		}
		return true
	case '.':
		p.digits = '2'
	case 'e':
		if p.digits = '3'; !digit {
			p.digits = '+'
		}
	case '+':
		p.digits = '3'
	default:
		return digit
	}
	return true
}
