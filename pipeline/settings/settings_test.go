package settings

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"fragua/pipeline/fault"
)

// oven has a setting of most types.
type oven struct {
	Hot     bool              `yaml:"hot" doc:"Whether it is on."`
	Degrees int16             `yaml:"degrees"`
	Share   float64           `yaml:"share"`
	Name    string            `yaml:"name"`
	Trays   []string          `yaml:"trays"`
	Weights map[string]uint32 `yaml:"weights"`
	Time    time.Duration     `yaml:"time"`
	Fuel    fuel              `yaml:"fuel"`
	Book    Path              `yaml:"book"`
	Inner   *oven             `yaml:"inner"`
}

func (o *oven) Check() []fault.Fault {
	if o.Degrees > 300 {
		return []fault.Fault{{Path: "degrees", Err: "degrees is over 300", Hint: "take less"}}
	}
	return nil
}

type fuel string

func (fuel) Values() []string { return []string{"wood", "coal"} }

// decode reads one document, with flags, into the defaults.
func decode(src string, flags ...string) (*oven, error) {
	o := &oven{Degrees: 180, Fuel: "wood"}
	d := NewDecoder("oven.yaml", []byte(src), "/data")
	root := d.Root("write a setting")
	if root == nil {
		return o, d.Err()
	}
	for _, f := range flags {
		if a, ok := d.ParseAssignment(f, "write key=value"); ok {
			d.Assign(root, a.Key, a)
		}
	}
	d.Decode(root, o, "")
	return o, d.Err()
}

// TestAllFaults: every fault is told at once, in the order of the file, at its
// place; a flag's under the name of the flag.
func TestAllFaults(t *testing.T) {
	_, err := decode("fule: wood\nfuel: cole\ninner: {degrees: 301}\nshare: much\n", "trays[2]=x", "weights.a=-1")
	var all *fault.ConfigError
	if !errors.As(err, &all) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, f := range all.Faults {
		got = append(got, fmt.Sprintf("%s:%d:%d: %s (%s)", f.File, f.Line, f.Column, f.Err, f.Hint))
	}
	want := []string{
		`oven.yaml:1:1: unknown key "fule" (did you mean "fuel"?)`,
		`oven.yaml:2:7: "fuel" cannot be "cole" (one of: coal, wood)`,
		`oven.yaml:3:18: degrees is over 300 (take less)`,
		`oven.yaml:4:8: "share" is the text "much", but it must be a number ()`,
		`--set trays[2]=x:0:0: trays.2: the list has 0 entries ()`,
		`--set weights.a=-1:0:0: "a" is -1, but it must be a whole number between 0 and 4294967295 ()`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAssign: flags reach into lists, maps and structs that the file leaves out.
func TestAssign(t *testing.T) {
	o, err := decode("hot: true\n", "trays[0]=a", "trays.1='b, {c}'", "weights={x: 1}", "weights.y=2", "inner.inner.time=90s", "book=a/{b,c}/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"book":"a/{b,c}/*.txt","degrees":180,"fuel":"wood","hot":true,"inner":{"degrees":0,"hot":false,"inner":` +
		`{"degrees":0,"hot":false,"inner":null,"name":"","share":0,"time":"1m30s","trays":[],"weights":{}},` +
		`"name":"","share":0,"time":"0s","trays":[],"weights":{}},"name":"","share":0,"time":"0s","trays":["a","b, {c}"],"weights":{"x":1,"y":2}}`
	if got := string(CanonicalJSON(o)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if o.Book.Abs != "/data/a/{b,c}/*.txt" {
		t.Errorf("book lies at %s", o.Book.Abs)
	}
}

// TestResolvedReadsBack: what Resolved writes decodes to the same settings.
func TestResolvedReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() *oven {
			return &oven{
				Hot: rapid.Bool().Draw(t, "hot"), Degrees: rapid.Int16Range(-300, 300).Draw(t, "degrees"),
				Share: rapid.Float64().Draw(t, "share"), Name: rapid.String().Draw(t, "name"),
				Trays:   rapid.SliceOf(rapid.StringMatching(`[a-z0-9:#\-'" ~.]*`)).Draw(t, "trays"),
				Weights: rapid.MapOf(rapid.StringMatching(`[a-zA-Z0-9 .]+`), rapid.Uint32()).Draw(t, "weights"),
				Time:    time.Duration(rapid.Int64().Draw(t, "time")), Fuel: rapid.SampledFrom([]fuel{"wood", "coal"}).Draw(t, "fuel"),
			}
		}
		o := draw()
		if rapid.Bool().Draw(t, "nested") {
			o.Inner = draw()
		}
		src, err := yaml.Dump(Resolved(o))
		if err != nil {
			t.Fatal(err)
		}
		again, err := decode(string(src))
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		if got, want := CanonicalJSON(again), CanonicalJSON(o); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// TestDescribe: a schema has types, defaults, sentences, and refers to a struct
// that holds itself.
func TestDescribe(t *testing.T) {
	s := NewSchemas()
	o := s.Describe(&oven{Degrees: 180})
	properties := o["properties"].(Object)
	if d := properties["hot"].(Object)["description"]; d != "Whether it is on." {
		t.Errorf("hot: %v", d)
	}
	if d := fmt.Sprintf("%s", properties["degrees"].(Object)["default"]); d != "180" {
		t.Errorf("degrees: %v", d)
	}
	if s.Definitions["settings.oven"] == nil {
		t.Errorf("no definition of oven: %v", s.Definitions)
	}
}
