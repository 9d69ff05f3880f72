package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A decoder makes text of tokens as the file writes them. Decoders form a chain:
// each rewrites the tokens, and in the end they are joined.
type decoder func([]string) []string

func (d decoder) text(tokens []string) string { return strings.Join(d(tokens), "") }

// spaced is what stands in for a decoder where a file has none.
func spaced(tokens []string) []string { return []string{strings.Join(tokens, " ")} }

// each is a decoder that looks at one token at a time.
func each(f func(i, n int, token string) string) decoder {
	return func(tokens []string) []string {
		out := make([]string, len(tokens))
		for i, s := range tokens {
			out[i] = f(i, len(tokens), s)
		}
		return out
	}
}

// readDecoder reads the decoder of a tokenizer.json; nil means that of
// byte-level tokenizers, which needs no chain.
func readDecoder(raw json.RawMessage) (decoder, error) {
	var j struct{ Type string }
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	if j.Type == "ByteLevel" {
		return nil, nil
	}
	return readLink(raw, new(int))
}

// decoderContent is the longest content of a decoder that makes tokens longer.
const decoderContent = 16

// readLink reads one decoder; growing counts those that make tokens longer.
func readLink(raw json.RawMessage, growing *int) (decoder, error) {
	var j struct {
		Type          string
		Decoders      []json.RawMessage
		Prefix        string
		Cleanup       bool
		Suffix        string
		Replacement   string
		PrependScheme string `json:"prepend_scheme"`
		AddPrefix     *bool  `json:"add_prefix_space"`
		Pattern       jsonPattern
		Content       string
		Start, Stop   int
		PadToken      string `json:"pad_token"`
		Delimiter     string `json:"word_delimiter_token"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	switch j.Type {
	case "Sequence":
		var chain []decoder
		for _, r := range j.Decoders {
			d, err := readLink(r, growing)
			if err != nil {
				return nil, err
			}
			chain = append(chain, d)
		}
		return func(tokens []string) []string {
			for _, d := range chain {
				tokens = d(tokens)
			}
			return tokens
		}, nil
	case "ByteLevel":
		return func(tokens []string) []string {
			var b []byte
			for _, s := range tokens {
				s, _ = readBytes(s)
				b = append(b, s...)
			}
			return []string{string(appendValid(nil, b))}
		}, nil
	case "Metaspace":
		if j.Replacement == "" {
			j.Replacement = "▁"
		}
		strip := j.PrependScheme != "never"
		if j.PrependScheme == "" && j.AddPrefix != nil {
			strip = *j.AddPrefix
		}
		return each(func(i, _ int, s string) string {
			if i == 0 && strip {
				return strings.ReplaceAll(s, j.Replacement, "")
			}
			return strings.ReplaceAll(s, j.Replacement, " ")
		}), nil
	case "WordPiece":
		return each(func(i, _ int, s string) string {
			if i > 0 {
				if rest, ok := strings.CutPrefix(s, j.Prefix); ok {
					s = rest
				} else {
					s = " " + s
				}
			}
			if j.Cleanup {
				s = cleanup(s)
			}
			return s
		}), nil
	case "CTC":
		return ctc(j.PadToken, j.Delimiter, j.Cleanup), nil
	case "BPEDecoder":
		return each(func(i, n int, s string) string {
			if i == n-1 {
				return strings.ReplaceAll(s, j.Suffix, "")
			}
			return strings.ReplaceAll(s, j.Suffix, " ")
		}), nil
	case "ByteFallback":
		return byteFallback, nil
	case "Fuse":
		return func(tokens []string) []string { return []string{strings.Join(tokens, "")} }, nil
	case "Strip":
		return each(func(_, _ int, s string) string {
			for range min(j.Start, len(s)) {
				s = strings.TrimPrefix(s, j.Content)
			}
			for range min(j.Stop, len(s)) {
				s = strings.TrimSuffix(s, j.Content)
			}
			return s
		}), nil
	case "Replace":
		if pattern := j.Pattern.String; pattern == nil || len(j.Content) > len(*pattern) {
			if *growing++; *growing > 2 || len(j.Content) > decoderContent {
				return nil, fmt.Errorf("decoder Replace: a text may be made longer twice, by content of at most %d bytes", decoderContent)
			}
		}
		if j.Pattern.String != nil {
			return each(func(_, _ int, s string) string { return strings.ReplaceAll(s, *j.Pattern.String, j.Content) }), nil
		}
		if j.Pattern.Regex == nil {
			return nil, errors.New("decoder Replace: the pattern is neither Regex nor String")
		}
		// Go's own engine takes linear time, so decoding cannot fail.
		re, err := regexp.Compile("(?m)" + *j.Pattern.Regex)
		if err != nil {
			return nil, fmt.Errorf("decoder Replace: %w", err)
		}
		return each(func(_, _ int, s string) string { return re.ReplaceAllLiteralString(s, j.Content) }), nil
	}
	return nil, fmt.Errorf("decoder %q is not known", j.Type)
}

// cleanups are the spaces that WordPiece puts before English punctuation, and
// one contraction, in the order in which they are repaired.
var cleanups = [][2]string{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}

func cleanup(s string) string {
	for _, c := range cleanups {
		s = strings.ReplaceAll(s, c[0], c[1])
	}
	return s
}

// ctc drops repeated tokens, then those that stand between two real repeats
// (Graves et al. 2006, section 3.1).
func ctc(pad, delimiter string, clean bool) decoder {
	return func(tokens []string) []string {
		var out []string
		for i, s := range tokens {
			if i > 0 && s == tokens[i-1] {
				continue
			}
			if pad != "" {
				s = strings.ReplaceAll(s, pad, "")
			}
			if clean {
				s = cleanup(s)
				if delimiter != "" {
					s = strings.ReplaceAll(s, delimiter, " ")
				}
			}
			if s != "" {
				out = append(out, s)
			}
		}
		return out
	}
}

// fallbackByte returns the byte of a token like <0xE2>.
func fallbackByte(token string) (byte, bool) {
	if len(token) != 6 || !strings.HasPrefix(token, "<0x") || token[5] != '>' {
		return 0, false
	}
	n, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(n), err == nil
}

// byteFallback joins runs of <0x..> before it asks whether they are UTF-8; a run
// that is not becomes one U+FFFD a byte.
func byteFallback(tokens []string) []string {
	var out []string
	var run []byte
	flush := func() {
		if len(run) == 0 {
			return
		}
		if s := string(run); strings.ToValidUTF8(s, "") == s {
			out = append(out, s)
		} else {
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, s := range tokens {
		if b, ok := fallbackByte(s); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, s)
	}
	flush()
	return out
}
