// Gen writes the assembly of fragua/model/kernel. Run it from its own folder:
//
//	go run . -o ..
//
// and with -o set to an empty folder to compare with what is committed.
package main

import "flag"

func main() {
	dir := flag.String("o", "..", "`folder` to write to")
	flag.Parse()
	for _, s := range []*isa{avx512, avx2} {
		a := newAsm(s)
		a.gemm()
		a.pack()
		a.peak()
		a.write(*dir, "asm_gemm_"+s.file())
	}
}
