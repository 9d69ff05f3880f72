//go:build amd64 && !purego

package gemm

import (
	"slices"
	"testing"
)

// The last level is the default: avx512bf16 is, unless it is Intel's, and amx where there is one.
func TestLevelsInOrder(t *testing.T) {
	for _, c := range []struct {
		avx2, avx512, bf16, amx, intel bool
		want                           []string
	}{
		{want: []string{"plain"}},
		{avx2: true, intel: true, want: []string{"plain", "avx2"}},
		{avx2: true, avx512: true, intel: true, want: []string{"plain", "avx2", "avx512"}},
		{avx2: true, avx512: true, bf16: true, want: []string{"plain", "avx2", "avx512", "avx512bf16"}},
		{avx2: true, avx512: true, bf16: true, intel: true, want: []string{"plain", "avx2", "avx512bf16", "avx512"}},
		{avx2: true, avx512: true, bf16: true, amx: true, intel: true, want: []string{"plain", "avx2", "avx512bf16", "avx512", "amx"}},
	} {
		var got []string
		for _, l := range inOrder(c.avx2, c.avx512, c.bf16, c.amx, c.intel) {
			got = append(got, l.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: levels are %v", c, got)
		}
	}
}
