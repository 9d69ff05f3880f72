// Gen writes the assembly of fragua/model/kernel. Run it from its own folder:
//
//	go run .
//
// or with -o set to an empty folder, to compare with what is committed.
package main

import (
	"flag"
	"strings"
)

func main() {
	dir := flag.String("o", "..", "`folder` to write to")
	flag.Parse()
	gemm := []func(*asm){(*asm).gemm, (*asm).pack, (*asm).peak}
	vector := []func(*asm){(*asm).vector, (*asm).rounding, (*asm).activations, (*asm).rows, (*asm).scores, (*asm).lstm, (*asm).optimizer}
	files := []struct {
		name string
		isa  *isa
		emit []func(*asm)
	}{
		{"gemm", avx2, gemm},
		{"gemm", avx512, gemm},
		{"vector", avx2, vector},
		{"vector", avx512, vector},
		{"decode", avx2, []func(*asm){(*asm).decode}},
		{"decode", avx512, []func(*asm){(*asm).decode}},
		{"bf16", avx512, []func(*asm){(*asm).bfloat16}},
	}
	for _, f := range files {
		a := newAsm(f.isa)
		for _, emit := range f.emit {
			emit(a)
		}
		a.write(*dir, "asm_"+f.name+"_"+strings.ToLower(f.isa.name))
	}
}
