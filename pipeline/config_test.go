package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fragua/pipeline/fault"
	"fragua/pipeline/settings"
)

// kitchen has a setting of every type.
type kitchen struct {
	Flag    bool             `yaml:"flag"`
	Count   int              `yaml:"count" doc:"How many."`
	Small   uint8            `yaml:"small"`
	Rate    float64          `yaml:"rate"`
	Text    string           `yaml:"text"`
	Names   []string         `yaml:"names"`
	Betas   [2]float64       `yaml:"betas"`
	Weights map[string]int   `yaml:"weights"`
	Maybe   *int             `yaml:"maybe"`
	Time    time.Duration    `yaml:"time"`
	Out     settings.Path    `yaml:"out"`
	Mode    mode             `yaml:"mode"`
	Arch    arch             `yaml:"arch"`
	Steps   []arch           `yaml:"steps"`
	Parts   map[string]*part `yaml:"parts"`
	shared  `yaml:",inline"`
	Notes   string `yaml:"-"`
}

type shared struct {
	Depth int `yaml:"depth"`
}

type part struct {
	Size  int `yaml:"size"`
	Order int `yaml:"order"`
}

func (p *part) SetDefaults() { p.Size = 3 }
func (p *part) Check() []fault.Fault {
	if p.Size > 10 {
		return []fault.Fault{{Path: "size", Err: "size is over 10", Hint: "take less"}}
	}
	return nil
}

type mode string

func (mode) Values() []string { return []string{"fast", "slow", "thorough"} }

type arch struct {
	name     string
	settings any
}

type gpt struct {
	Layers int  `yaml:"layers"`
	Inner  *gpt `yaml:"inner"`
}

func (g *gpt) Check() []fault.Fault {
	if g.Layers < 1 {
		return []fault.Fault{{Path: "layers", Err: fmt.Sprintf("layers is %d, but a GPT has at least one", g.Layers)}}
	}
	return nil
}

func (a *arch) Variants() map[string]func() any {
	return map[string]func() any{
		"gpt":   func() any { return &gpt{Layers: 2} },
		"llama": func() any { return &gpt{Layers: 3} },
		"none":  func() any { return nil },
	}
}
func (a *arch) Choose(name string, settings any) { a.name, a.settings = name, settings }
func (a *arch) Chosen() (string, any)            { return a.name, a.settings }

func (*kitchen) Version() int    { return 1 }
func (*kitchen) Inputs() []Input { return nil }
func (*kitchen) Makes() Kind     { return Tokenizer }
func (*kitchen) Phases() []Phase { return nil }

// cook takes documents twice, and a tokenizer at will.
type cook struct{}

func (*cook) Version() int { return 1 }
func (*cook) Inputs() []Input {
	return []Input{{Name: "in", Kind: Documents}, {Name: "reference", Kind: Documents, Optional: true}, {Name: "tokenizer", Kind: Tokenizer, Optional: true}}
}
func (*cook) Makes() Kind     { return Blocks }
func (*cook) Phases() []Phase { return nil }

func testTable() Table {
	t := (&world{}).table()
	t["kitchen"] = func() Stage {
		return &kitchen{Count: 4, Rate: 0.5, Mode: "fast", Arch: arch{"gpt", &gpt{Layers: 2}}, Names: []string{"x"}}
	}
	t["cook"] = func() Stage { return &cook{} }
	return t
}

// with puts one line of settings into a stage, at line 2, column 36.
func with(settings string) string {
	return "stages:\n  - {name: k, use: kitchen, with: {" + settings + "}}\n"
}

const base = "stages:\n  - {name: a, use: lines}\n"

func TestFaults(t *testing.T) {
	tests := []struct {
		name, src string
		sets      []string
		want      string // line:column: message, or the flag
		hint      string // part of the hint
	}{
		{"empty", "", nil, "1:1: there is nothing in this file", "stages:"},
		{"comment only", "# nothing\n", nil, "1:1: there is nothing in this file", ""},
		{"a list", "- a\n", nil, "1:1: this is a list, but it must be a map of settings", "key: value"},
		{"no stages", "seed: 1\n", nil, "1:1: there are no stages", "begin with"},
		{"stages empty", "stages: []\n", nil, "1:9: there are no stages", ""},
		{"stages null", "stages:\n", nil, `1:8: "stages" has no value`, "leave the key out"},
		{"unknown top key", base + "sed: 3\n", nil, `3:1: unknown key "sed"`, `did you mean "seed"?`},
		{"far-off top key", base + "wallpaper: 3\n", nil, `3:1: unknown key "wallpaper"`, "known keys: cluster, description, max_failed_files, max_failures, seed, stages"},
		{"seed negative", "seed: -3\n" + base, nil, `1:7: "seed" is -3, but it must be a whole number, not negative`, ""},
		{"max_failures", "max_failures: 5\n" + base, nil, "1:15: max_failures is 5, but it is a share, between 0 and 1", "one row in a hundred"},
		{"tab", "stages:\n\t- {name: a}\n", nil, "2:1: a tab stands in the indentation", "spaces"},
		{"two documents", base + "---\nseed: 1\n", nil, "3:1: a second YAML document begins here", "one document"},
		{"unclosed", "stages: [\n  {name: a\n", nil, "2:3: what is opened here is not closed", "missing ]"},
		{"two colons", "stages: a: b\n", nil, "1:10: a second `key: value` on one line, or wrong indentation", "align"},
		{"bad start", "stages: @x\n", nil, "1:9: no value can begin with this character", "quote"},
		{"bad indent", "stages:\n  - b\n seed: d\n", nil, "3:2: this line does not go on with what stands above it", "align"},
		{"unknown anchor", "stages: *x\n", nil, "1:9: unknown anchor 'x' referenced", "&name"},
		{"not UTF-8", "seed: 1\n# caf\xe9\n", nil, "2:6: byte 0xE9 is not UTF-8", "UTF-8"},
		{"merge key", base + "<<: {seed: 1}\n", nil, "3:1: merge keys (<<) are not understood", "alias"},
		{"duplicate key", "seed: 1\n" + base + "seed: 2\n", nil, `4:1: key "seed" stands here twice, first in line 1`, "keep one"},
		{"list as key", base + "? [a]\n: 1\n", nil, "3:3: a key must be a name, not a list", ""},
		{"no name", "stages:\n  - {use: lines}\n", nil, "2:5: this stage has no name", "name: …"},
		{"no use", "stages:\n  - {name: a}\n", nil, "2:5: this stage does not say what it is: use: … is missing", "cook, kitchen, lines, longest, total"},
		{"name with slash", "stages:\n  - {name: a/b, use: lines}\n", nil, `2:12: "a/b" cannot name a folder: it holds '/'`, "letters"},
		{"hidden name", "stages:\n  - {name: .a, use: lines}\n", nil, `2:12: ".a" cannot name a folder: it begins with '.'`, ""},
		{"device name", "stages:\n  - {name: NUL, use: lines}\n", nil, `2:12: "NUL" cannot name a folder: Windows keeps it for a device`, ""},
		{"name twice", base + "  - {name: a, use: lines}\n", nil, `3:12: a stage named "a" stands further up`, "folder of its own"},
		{"name by case", base + "  - {name: A, use: lines}\n", nil, `3:12: "a" and "A" differ in case alone`, "file systems"},
		{"unknown use", "stages:\n  - {name: a, use: line}\n", nil, `2:20: unknown stage "line"`, `did you mean "lines"?`},
		{"entry not a map", "stages:\n  - lines\n", nil, `2:5: "stages[0]" is the text "lines", but it must be a map of settings`, ""},
		{"setting beside with", "stages:\n  - {name: a, use: lines, upper: 3}\n", nil, `2:27: unknown key "upper"`, "below with: {upper: …}"},
		{"unknown setting", with("cuont: 3"), nil, `2:36: unknown key "cuont"`, `did you mean "count"?`},
		{"setting by dash", with("DEPTH: 3"), nil, `2:36: unknown key "DEPTH"`, `did you mean "depth"?`},
		{"bool", with("flag: yes"), nil, `2:42: "flag" is the text "yes", but it must be true or false`, "write true"},
		{"bool number", with("flag: 0"), nil, `2:42: "flag" is 0, but it must be true or false`, "write false"},
		{"int text", with("count: many"), nil, `2:43: "count" is the text "many", but it must be a whole number`, ""},
		{"int fraction", with("count: 1.5"), nil, `2:43: "count" is 1.5, but it must be a whole number`, ""},
		{"int with comma", with(`count: "10,000"`), nil, `2:43: "count" is the text "10,000", but it must be a whole number`, "10000"},
		{"int with k", with("count: 16k"), nil, `2:43: "count" is the text "16k", but it must be a whole number`, "16000"},
		{"int too large", with("count: 12345678901234567890"), nil, `2:43: "count" is 12345678901234567890, but it must be a whole number`, ""},
		{"uint8", with("small: 300"), nil, `2:43: "small" is 300, but it must be a whole number between 0 and 255`, ""},
		{"float text", with("rate: high"), nil, `2:42: "rate" is the text "high", but it must be a number`, ""},
		{"float infinite", with("rate: .inf"), nil, `2:42: "rate" is .inf, but it must be a number`, ""},
		{"null", with("count: "), nil, `2:43: "count" has no value`, "leave the key out"},
		{"text is bool", with("text: true"), nil, `2:42: "text" is true, but it must be a text`, `"true"`},
		{"text is list", with("text: [a]"), nil, `2:42: "text" is a list, but it must be a text`, ""},
		{"list is text", with("names: a"), nil, `2:43: "names" is the text "a", but it must be a list`, "[a]"},
		{"list is map", with("names: {a: 1}"), nil, `2:43: "names" is a map, but it must be a list`, "- "},
		{"list element", with("names: [a, {b: 1}]"), nil, `2:47: "names[1]" is a map, but it must be a text`, ""},
		{"array length", with("betas: [0.9]"), nil, `2:43: "betas" has 1 entries, but it must have 2`, ""},
		{"map is list", with("weights: [1]"), nil, `2:45: "weights" is a list, but it must be a map`, "key: value"},
		{"map value", with("weights: {a: b}"), nil, `2:49: "a" is the text "b", but it must be a whole number`, ""},
		{"map key twice", with("weights: {a: 1, a: 2}"), nil, `2:52: key "a" stands here twice, first in line 2`, ""},
		{"time without unit", with("time: 10"), nil, `2:42: "time" is 10, but it must be a time`, "90s"},
		{"path empty", with(`out: ""`), nil, `2:41: "out" is an empty path`, ""},
		{"path list", with("out: [a]"), nil, `2:41: "out" is a list, but it must be a path`, ""},
		{"enum", with("mode: slwo"), nil, `2:42: "mode" cannot be "slwo"`, `did you mean "slow"?`},
		{"enum far", with("mode: purple"), nil, `2:42: "mode" cannot be "purple"`, "one of: fast, slow, thorough"},
		{"choice", with("arch: gtp"), nil, `2:42: unknown name "gtp"`, `did you mean "gpt"?`},
		{"choice by map", with("arch: {lama: {layers: 3}}"), nil, `2:43: unknown name "lama"`, `did you mean "llama"?`},
		{"choice of two", with("arch: {gpt: {}, llama: {}}"), nil, `2:52: "arch" chooses gpt and llama, but it takes one`, "keep one"},
		{"choice of none", with("arch: {}"), nil, `2:42: "arch" is a map, but it must be a name, or a name and its settings`, "gpt, llama"},
		{"choice is list", with("arch: [gpt]"), nil, `2:42: "arch" is a list, but it must be a name, or a name and its settings`, ""},
		{"choice without settings", with("arch: {none: {layers: 1}}"), nil, `2:49: "none" has no settings`, "bare name"},
		{"setting of a choice", with("arch: {gpt: {layer: 3}}"), nil, `2:49: unknown key "layer"`, `did you mean "layers"?`},
		{"check of a choice", with("arch: {gpt: {layers: 0}}"), nil, "2:57: layers is 0, but a GPT has at least one", ""},
		{"check deep inside", with("steps: [gpt, {llama: {inner: {layers: -1}}}]"), nil, "2:74: layers is -1, but a GPT has at least one", ""},
		{"check of a map's element", with("parts: {a: {size: 11}}"), nil, "2:54: size is over 10", "take less"},
		{"check of a stage", base + "  - {name: b, use: longest, with: {min: -1}}\n", nil, "3:41: min is negative", "0 or more"},
		{"kind missing", "stages:\n  - {name: a, use: longest}\n", nil, "2:5: longest takes documents, which no earlier stage makes", "further up"},
		{"kind ambiguous", base + "  - {name: b, use: lines}\n  - {name: c, use: longest}\n", nil, "4:5: longest could read documents from a or b, and nothing says which", "from: [b]"},
		{"from unknown", base + "  - {name: b, use: longest, from: [aa]}\n", nil, `3:36: no earlier stage is named "aa"`, `did you mean "a"?`},
		{"from itself", base + "  - {name: b, use: longest, from: [b]}\n", nil, "3:36: a stage cannot read itself", ""},
		{"from later", "stages:\n  - {name: b, use: longest, from: [c]}\n  - {name: c, use: lines}\n", nil, `2:36: no earlier stage is named "c"`, ""},
		{"from wrong kind", base + "  - {name: k, use: kitchen}\n  - {name: b, use: longest, from: [k]}\n", nil, `4:36: "k" makes tokenizer, which longest does not take`, "it takes: documents"},
		{"from too many", base + "  - {name: b, use: lines}\n  - {name: m, use: total, from: [a, b]}\n", nil, `4:37: total takes documents from one stage, and "a" stands before`, "keep one"},
		{"from list fits twice", base + "  - {name: b, use: longest}\n  - {name: c, use: cook, from: [a, b]}\n", nil, `4:36: "b" fits several inputs of cook: in, reference`, "from: {reference: b}"},
		{"from by unknown input", base + "  - {name: c, use: cook, from: {inn: a}}\n", nil, `3:33: cook has no input "inn"`, `did you mean "in"?`},
		{"from by input, wrong kind", base + "  - {name: c, use: cook, from: {in: a, tokenizer: a}}\n", nil, `3:51: "a" makes documents, but the input "tokenizer" of cook takes tokenizer`, "no earlier stage makes tokenizer"},
		{"from lacks an input", base + "  - {name: c, use: cook, from: {reference: a}}\n", nil, `3:32: cook needs documents too (its input "in")`, "a"},
		{"from nothing to take", base + "  - {name: b, use: lines, from: [a]}\n", nil, `3:34: "a" makes documents, which lines does not take`, "leave from out"},
		{"from a folder", base + "  - {name: b, use: longest, from: [./nowhere]}\n", nil, "3:36: no finished stage, model or tokenizer lies in ", ManifestName},
		{"set unknown stage", base, []string{"b.min=3"}, `--set b.min=3: no stage is named "b"`, `"a"`},
		{"set unknown key", with(""), []string{"k.cuont=3"}, `--set k.cuont=3: unknown key "cuont"`, `did you mean "count"?`},
		{"set wrong type", with(""), []string{"k.count=x"}, `--set k.count=x: "count" is the text "x", but it must be a whole number`, ""},
		{"set top", base, []string{"sed=3"}, `--set sed=3: "sed" is no setting of the whole configuration`, "seed"},
		{"set nothing", base, []string{"a.upper"}, "--set a.upper: this sets nothing", "stage.key=value"},
		{"set into text", with("text: abc"), []string{"k.text.x=1"}, `--set k.text.x=1: k.text.x: the text "abc" stands here, which has no parts`, ""},
		{"set past the end", with("names: [a]"), []string{"k.names[3]=b"}, "--set k.names[3]=b: k.names.3: the list has 1 entries", ""},
		{"set no YAML", with(""), []string{"k.names=[a"}, "--set k.names=[a: the value is not YAML", "quote"},
		{"set fails a check", with(""), []string{"k.arch.gpt.layers=-1"}, "--set k.arch.gpt.layers=-1: layers is -1, but a GPT has at least one", ""},
	}
	if len(tests) < 60 {
		t.Errorf("only %d faults", len(tests))
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(tt.src), "/nowhere", testTable(), tt.sets)
			var usage *fault.UsageError
			var bad *fault.ConfigError
			if !errors.As(err, &usage) || !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if len(bad.Faults) != 1 {
				t.Fatalf("%d faults:\n%v", len(bad.Faults), err)
			}
			f := bad.Faults[0]
			got := fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Err)
			if len(tt.sets) > 0 {
				got = f.File + ": " + f.Err
			}
			if got != tt.want && !(strings.HasSuffix(tt.want, " ") && strings.HasPrefix(got, tt.want)) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if !strings.Contains(f.Hint, tt.hint) {
				t.Errorf("hint %q, want %q in it", f.Hint, tt.hint)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	src := `sead: 7
stages:
  - {name: a, use: lines, with: {files: x}}
  - name: k
    use: kitchen
    with:
      count: many
      arch: {gtp: {}}     # ñandú
      steps: [{"gpt": {"layers": "ñ"}}]
  - {name: b, use: longst}
`
	_, err := Parse("conf/road.yaml", []byte(src), ".", testTable(), []string{"k.rate=fast"})
	want := `conf/road.yaml:1:1: unknown key "sead"
    sead: 7
    ^
    hint: did you mean "seed"?
conf/road.yaml:3:41: "files" is the text "x", but it must be a list
      - {name: a, use: lines, with: {files: x}}
                                            ^
    hint: write it as a list: [x]
conf/road.yaml:7:14: "count" is the text "many", but it must be a whole number
          count: many
                 ^
conf/road.yaml:8:14: unknown name "gtp"
          arch: {gtp: {}}     # ñandú
                 ^
    hint: did you mean "gpt"?
conf/road.yaml:9:34: "layers" is the text "ñ", but it must be a whole number
          steps: [{"gpt": {"layers": "ñ"}}]
                                     ^
conf/road.yaml:10:20: unknown stage "longst"
      - {name: b, use: longst}
                       ^
    hint: did you mean "longest"?
--set k.rate=fast: "rate" is the text "fast", but it must be a number`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestMissingFilesArePlaced(t *testing.T) {
	c, err := Parse("x.yaml", []byte("stages:\n  - name: a\n    use: lines\n    with:\n      files:\n        - here.txt\n        - gone.txt\n"), t.TempDir(), testTable(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "here.txt"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err = c.CheckFiles()
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:7:11: no file gone.txt\n") {
		t.Errorf("got %v", err)
	}
}

func TestDecode(t *testing.T) {
	src := `
description: every type
seed: 0x10
stages:
  - name: k
    use: kitchen
    with:
      flag: true
      count: 1e6
      small: 0b11
      rate: 2
      text: 1.50
      names: &list [a, no, 3]
      betas: [0.9, 1e-4]
      weights: {"a b": 1_000, 7: 012}
      maybe: 0
      time: 1h30m
      out: sub/dir
      mode: slow
      arch: {llama: }
      steps: [gpt, {gpt: {layers: 5, inner: {layers: 6}}}, none]
      parts: {a: {order: 1}, b: {size: 9}}
      depth: -3
`
	c, err := Parse("x.yaml", []byte(src), "/data", testTable(), []string{"k.steps[3]=llama", "k.steps.0.gpt.layers=7", "k.parts.c.order=2", "k.names[0]='yes'", "seed=11"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Seed != 11 || c.Description != "every type" || c.MaxFailures != 0.01 || c.Name != "x" {
		t.Errorf("%+v", c)
	}
	k := c.Stages[0].With.(*kitchen)
	if k.Out.Abs != filepath.FromSlash("/data/sub/dir") || k.Out.Written != "sub/dir" || *k.Maybe != 0 {
		t.Errorf("%+v", k)
	}
	want := `{"arch":{"llama":{"inner":null,"layers":3}},"betas":[0.9,0.0001],"count":1000000,"depth":-3,"flag":true,"maybe":0,"mode":"slow",` +
		`"names":["yes","no","3"],"out":"sub/dir","parts":{"a":{"order":1,"size":3},"b":{"order":0,"size":9},"c":{"order":2,"size":3}},"rate":2,"small":3,` +
		`"steps":[{"gpt":{"inner":null,"layers":7}},{"gpt":{"inner":{"inner":null,"layers":6},"layers":5}},"none",{"llama":{"inner":null,"layers":3}}],` +
		`"text":"1.50","time":"1h30m0s","weights":{"7":12,"a b":1000}}`
	if got := string(settings.CanonicalJSON(k)); got != want {
		t.Errorf("canonical JSON\ngot  %s\nwant %s", got, want)
	}
	again, err := Parse("y.yaml", c.ResolvedYAML(), "/data", testTable(), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, c.ResolvedYAML())
	}
	if got := string(settings.CanonicalJSON(again.Stages[0].With)); got != want {
		t.Errorf("after ResolvedYAML\ngot  %s\nwant %s", got, want)
	}
}

// The defaults, spelled out, are part of every key: golden.
func TestCanonicalDefaults(t *testing.T) {
	want := `{"arch":{"gpt":{"inner":null,"layers":2}},"betas":[0,0],"count":4,"depth":0,"flag":false,"maybe":null,"mode":"fast","names":["x"],` +
		`"parts":{},"rate":0.5,"small":0,"steps":[],"text":"","time":"0s","weights":{}}`
	if got := string(settings.CanonicalJSON(testTable()["kitchen"]())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r := fingerprint{Use: "kitchen", Version: 1, Settings: []byte(want), Seed: 1, Inputs: map[string][]string{"in": {"k"}}, Raw: []rawSum{{"a", "b"}}}
	if got := r.key(); got != "2ab503289c32ce0626c54a8ee87c4379" {
		t.Errorf("key %s: all results of earlier runs would be made again", got)
	}
}

// What has no value at all is left out, and stays out.
func TestResolvedDefaults(t *testing.T) {
	table := testTable()
	table["kitchen"] = func() Stage { return &kitchen{} }
	c, err := Parse("x.yaml", []byte(with("count: 3")), ".", table, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("y.yaml", c.ResolvedYAML(), ".", table, nil)
	if err != nil || string(again.ResolvedYAML()) != string(c.ResolvedYAML()) {
		t.Errorf("%v\n%s", err, c.ResolvedYAML())
	}
}

func TestFrom(t *testing.T) {
	tests := []struct {
		name, entry string
		want        map[string][]string
	}{
		{"left out", "{name: x, use: longest}", map[string][]string{"documents": {"b"}}},
		{"many", "{name: x, use: longest, from: [a, b]}", map[string][]string{"documents": {"a", "b"}}},
		{"a bare name", "{name: x, use: total, from: a}", map[string][]string{"documents": {"a"}}},
		{"optional inputs are not guessed", "{name: x, use: cook}", map[string][]string{"in": {"b"}}},
		{"a list by kind", "{name: x, use: cook, from: [k, a]}", map[string][]string{"in": {"a"}, "tokenizer": {"k"}}},
		{"the required input first", "{name: x, use: cook, from: [a]}", map[string][]string{"in": {"a"}}},
		{"a map", "{name: x, use: cook, from: {reference: a, in: [b]}}", map[string][]string{"in": {"b"}, "reference": {"a"}}},
	}
	for _, tt := range tests {
		src := base + "  - {name: b, use: longest}\n  - {name: k, use: kitchen}\n  - " + tt.entry + "\n"
		c, err := Parse("x.yaml", []byte(src), ".", testTable(), nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := fmt.Sprint(c.Entry("x").From); got != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("stages:\n  - name: k\n    use: kitchen\n    with:\n      names: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	b.WriteString("      steps:\n        - gpt: &g {inner: {inner: *g}}\n")
	_, err := Parse("x.yaml", []byte(b.String()), ".", testTable(), nil)
	if err == nil || !strings.Contains(err.Error(), "unfolds to too much") {
		t.Errorf("an alias inside itself: %v", err)
	}
	b.Reset()
	b.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	// Unfolded, it would be 2^40 values: this returns at once, or never.
	if _, err := Parse("x.yaml", []byte(b.String()+base), ".", testTable(), nil); err == nil {
		t.Error("a bomb is no fault")
	}
}

func TestSchema(t *testing.T) {
	got := testTable().Schema()
	golden := filepath.Join("testdata", "schema.json")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the schema differs from %s:\n%s", golden, got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(roadYAML), "long.min=3")
	f.Add([]byte(with("arch: {gpt: {layers: 3}}, steps: [*x]")), "k.arch.gpt.layers=[")
	f.Add([]byte("a: &a [*a]\n<<: *a\n"), "seed")
	f.Add([]byte("stages:\n- &e {name: k, use: kitchen, with: &w {parts: {a: *w}}}\n- *e\n"), "k.parts.a.size=*w")
	f.Add([]byte(with("count: 3, arch: none, names: [no, \"1\", \"a: b\"]")), "k.parts.a.size=4")
	f.Add([]byte("\t\xff\x00"), "=")
	f.Fuzz(func(t *testing.T, src []byte, set string) {
		c, err := Parse("x.yaml", src, ".", testTable(), []string{set})
		var bad *fault.ConfigError
		if err != nil {
			if !errors.As(err, &bad) || len(bad.Faults) == 0 || err.Error() == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		again, err := Parse("y.yaml", c.ResolvedYAML(), ".", testTable(), nil)
		if err != nil {
			t.Fatalf("resolved settings are refused: %v\n%s", err, c.ResolvedYAML())
		}
		if string(again.ResolvedYAML()) != string(c.ResolvedYAML()) {
			t.Fatalf("resolved twice:\n%s\n%s", c.ResolvedYAML(), again.ResolvedYAML())
		}
	})
}
