package settings

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
)

// IsNull reports whether a node is a null, or nothing at all.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// DescribeNode says what a node is, for a sentence.
func DescribeNode(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	case yaml.AliasNode:
		return DescribeNode(n.Alias)
	}
	value := n.Value
	if r := []rune(value); len(r) > 40 {
		value = string(r[:40]) + "…"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool", "!!int", "!!float":
		return value
	}
	return fmt.Sprintf("the text %q", value)
}

// scalar decodes one value into a bool, a number or a text.
func (d *Decoder) scalar(n, at *yaml.Node, v reflect.Value, path string) bool {
	if n.Kind != yaml.ScalarNode {
		return d.Fault(at, path, "", "%s is %s, but it must be %s", lastKey(path), DescribeNode(n), wanted(v.Type()))
	}
	if tag := n.ShortTag(); !strings.HasPrefix(tag, "!!") {
		return d.Fault(at, path, "leave the tag out", "unknown tag %s", tag)
	}
	wrong := func(hint string) bool {
		return d.Fault(at, path, hint, "%s is %s, but it must be %s", lastKey(path), DescribeNode(n), wanted(v.Type()))
	}
	switch v.Kind() {
	case reflect.Bool:
		switch n.ShortTag() {
		case "!!bool":
			v.SetBool(strings.EqualFold(n.Value, "true"))
			return true
		}
		switch strings.ToLower(n.Value) {
		case "yes", "on", "y", "1", "true":
			return wrong("write true")
		case "no", "off", "n", "0", "false":
			return wrong("write false")
		}
		return wrong("")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := parseInt(n)
		if err != nil {
			return wrong(numberHint(n))
		}
		if v.OverflowInt(i) {
			return wrong("")
		}
		v.SetInt(i)
		return true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := parseUint(n)
		if err != nil {
			return wrong(numberHint(n))
		}
		if v.OverflowUint(u) {
			return wrong("")
		}
		v.SetUint(u)
		return true
	case reflect.Float32, reflect.Float64:
		f, err := parseFloat(n)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || v.OverflowFloat(f) {
			return wrong(numberHint(n))
		}
		v.SetFloat(f)
		return true
	case reflect.String:
		if n.ShortTag() == "!!bool" {
			return wrong(fmt.Sprintf("quote it if it is meant as text: %q", n.Value))
		}
		if e, ok := v.Interface().(Enum); ok {
			return d.enum(n, at, v, e.Values(), path)
		}
		v.SetString(n.Value)
		return true
	}
	panic(fmt.Sprintf("settings: cannot hold a %s", v.Type()))
}

func (d *Decoder) enum(n, at *yaml.Node, v reflect.Value, values []string, path string) bool {
	for _, value := range values {
		if n.Value == value {
			v.SetString(value)
			return true
		}
	}
	return d.Fault(at, path, fault.DidYouMean(n.Value, "one of", values), "%s cannot be %q", lastKey(path), n.Value)
}

func (d *Decoder) duration(n, at *yaml.Node, v reflect.Value, path string) bool {
	t, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return d.Fault(at, path, "write it with its unit: 90s, 10m, 1h30m", "%s is %s, but it must be a time", lastKey(path), DescribeNode(n))
	}
	v.SetInt(int64(t))
	return true
}

// wanted names a type for a sentence.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint64:
		return "a whole number, not negative"
	case reflect.Int8, reflect.Int16, reflect.Int32:
		limit := int64(1)<<(t.Bits()-1) - 1
		return fmt.Sprintf("a whole number between %d and %d", -limit-1, limit)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return fmt.Sprintf("a whole number between 0 and %d", uint64(1)<<t.Bits()-1)
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a text"
}

func numberHint(n *yaml.Node) string {
	bare := strings.NewReplacer(",", "", "_", "", " ", "", "'", "").Replace(n.Value)
	if _, err := strconv.ParseFloat(bare, 64); err == nil && n.ShortTag() == "!!str" {
		return "write the number without quotes, commas or spaces: " + bare
	}
	units := map[byte]string{'k': "000", 'K': "000", 'm': "000000", 'M': "000000"}
	if last := len(bare) - 1; last > 0 && units[bare[last]] != "" {
		if _, err := strconv.Atoi(bare[:last]); err == nil {
			return "write the number out: " + bare[:last] + units[bare[last]]
		}
	}
	return ""
}

// parseInt takes 4000, 4_000, 0x10 and 1e6: whatever is a whole number.
func parseInt(n *yaml.Node) (int64, error) {
	switch n.ShortTag() {
	case "!!int":
		return strconv.ParseInt(intText(n), 0, 64)
	case "!!float":
		f, err := parseFloat(n)
		if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f), nil
		}
	}
	return 0, strconv.ErrSyntax
}

func parseUint(n *yaml.Node) (uint64, error) {
	if n.ShortTag() == "!!int" {
		return strconv.ParseUint(strings.TrimPrefix(intText(n), "+"), 0, 64)
	}
	i, err := parseInt(n)
	if err == nil && i < 0 {
		err = strconv.ErrRange
	}
	return uint64(i), err
}

// intText spells a YAML integer for strconv: YAML 1.2 takes 0123 as decimal.
func intText(n *yaml.Node) string {
	s := strings.ReplaceAll(n.Value, "_", "")
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	if len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9' {
		s = strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:]
	}
	return sign + s
}

func parseFloat(n *yaml.Node) (float64, error) {
	switch n.ShortTag() {
	case "!!int":
		if i, err := strconv.ParseInt(intText(n), 0, 64); err == nil {
			return float64(i), nil
		}
		return strconv.ParseFloat(intText(n), 64)
	case "!!float":
		switch strings.ToLower(strings.TrimLeft(n.Value, "+-")) {
		case ".inf", ".nan":
			return math.Inf(1), nil
		}
		return strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
	}
	return 0, strconv.ErrSyntax
}
