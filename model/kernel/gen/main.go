// Gen writes the assembly of fragua/model/kernel. Run it from its own folder:
//
//	go run .
//
// or with -o set to an empty folder, to compare with what is committed.
package main

import "flag"

func main() {
	dir := flag.String("o", "..", "`folder` to write to")
	flag.Parse()
	for _, s := range []*isa{avx512, avx2} {
		for _, file := range []struct {
			name string
			emit []func(*asm)
		}{
			{"gemm", []func(*asm){(*asm).gemm, (*asm).pack, (*asm).peak}},
			{"vector", []func(*asm){(*asm).vector, (*asm).activations, (*asm).rows, (*asm).optimizer}},
		} {
			a := newAsm(s)
			for _, emit := range file.emit {
				emit(a)
			}
			a.write(*dir, "asm_"+file.name+"_"+s.file())
		}
	}
}
