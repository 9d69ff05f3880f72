// Gen writes the assembly of fragua/model/kernel and fragua/model/kernel/gemm. Run it from its own
// folder:
//
//	go run .
//
// or with -o set to an empty folder, to compare with what is committed.
package main

import (
	"flag"
	"path/filepath"
	"strings"
)

func main() {
	dir := flag.String("o", "..", "`folder` of package kernel")
	flag.Parse()
	vector := []func(*asm){(*asm).vector, (*asm).activations, (*asm).rows, (*asm).scores, (*asm).lstm, (*asm).optimizer}
	blocked := []func(*asm){(*asm).gemm, (*asm).pack, (*asm).addTo, (*asm).rounding, (*asm).peak}
	skinny := []func(*asm){(*asm).skinny, (*asm).quantized, (*asm).read}
	files := []struct {
		pkg, name string
		isa       *isa
		emit      []func(*asm)
	}{
		{"kernel", "vector", avx2, vector},
		{"kernel", "vector", avx512, vector},
		{"gemm", "gemm", avx2, blocked},
		{"gemm", "gemm", avx512, blocked},
		{"gemm", "skinny", avx2, skinny},
		{"gemm", "skinny", avx512, skinny},
		{"gemm", "bf16", avx512, []func(*asm){(*asm).bfloat16}},
	}
	for _, f := range files {
		a := newAsm(f.isa)
		for _, emit := range f.emit {
			emit(a)
		}
		to := *dir
		if f.pkg == "gemm" {
			to = filepath.Join(to, "gemm")
		}
		a.write(to, f.pkg, "asm_"+f.name+"_"+strings.ToLower(f.isa.name))
	}
}
