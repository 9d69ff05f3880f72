package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestDoctorOfDevices: the default build says what is needed for each kind.
func TestDoctorOfDevices(t *testing.T) {
	var said strings.Builder
	devices(func(what, format string, args ...any) { fmt.Fprintf(&said, what+" "+format+"\n", args...) })
	for _, want := range []string{"cuda", "tpu", "cpu-xla", "the tag xla", "experimental: proven on CPU plugins only"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in %s", want, said.String())
		}
	}
}
