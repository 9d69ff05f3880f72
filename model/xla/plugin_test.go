package xla

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParseDevice(t *testing.T) {
	for in, want := range map[string]Device{"cuda": {Kind: "cuda"}, "cpu-xla:4": {Kind: CPU, Count: 4}, "tpu:1": {Kind: "tpu", Count: 1}} {
		if got, err := ParseDevice(in); err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"gpu", "", "cuda:", "cuda:0", "cuda:-1", "cuda:x", "cpu"} {
		if d, err := ParseDevice(in); err == nil {
			t.Errorf("%q is %v", in, d)
		}
	}
}

// TestFind looks for a plugin where it is named, and where pip puts it.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	pip := filepath.Join(dir, "lib", "python3.12", "site-packages", "libtpu", "libtpu.so")
	other := filepath.Join(dir, "other.so")
	for _, f := range []string{pip, other} {
		if err := os.MkdirAll(filepath.Dir(f), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("VIRTUAL_ENV", dir)
	find := func(path, variable, want string) {
		t.Helper()
		t.Setenv(PluginVariable, variable)
		if got, err := Find("tpu", path); got != want || (err == nil) != (want != "") {
			t.Errorf("found %q, %v, want %q", got, err, want)
		}
	}
	find("", "", pip)
	find("", "cuda:/none.so,tpu:"+other, other)
	find(other, "tpu:/none.so", other)
	find(filepath.Join(dir, "none.so"), "", "")
	find("", "tpu:/none.so", "")
}
