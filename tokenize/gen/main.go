// Gen writes the assembly of fragua/tokenize. Run it from its own folder:
//
//	go run .
//
// or with -o set to an empty folder, to compare with what is committed.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/buildtags"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	dir := flag.String("o", "..", "`folder` to write to")
	flag.Parse()
	a := &asm{Context: build.NewContext(), bytes: map[byte]Mem{}}
	c, err := buildtags.ParseConstraint("amd64,!purego")
	must(err)
	a.Constraint(c)
	a.classifyAVX2()
	a.classifyAVX512()
	a.keys()
	a.look()
	a.write(*dir, "asm_amd64")
}

// An asm is the file of assembly under construction.
type asm struct {
	*build.Context
	bytes map[byte]Mem // constants: a byte 64 times
}

// function starts a function. Its pointers do not escape.
func (a *asm) function(name, doc, signature string) {
	a.Function(name)
	a.Doc(name + " " + doc)
	a.Pragma("noescape")
	a.Attributes(attr.NOSPLIT)
	a.SignatureExpr(signature)
}

// all returns where 64 bytes c lie.
func (a *asm) all(c byte) Mem {
	m, ok := a.bytes[c]
	if !ok {
		m = a.StaticGlobal(fmt.Sprintf("all%02x", c))
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 8 {
			a.AddDatum(8*i, U64(uint64(c)*0x0101010101010101))
		}
		a.bytes[c] = m
	}
	return m
}

// write compiles the file and puts NAME.s and its declarations into dir.
func (a *asm) write(dir, name string) {
	f, err := a.Result()
	must(err)
	must(pass.Compile.Execute(f))
	cfg := printer.Config{Argv: []string{"go", "run", "fragua/tokenize/gen"}, Name: "fragua/tokenize/gen", Pkg: "tokenize"}
	for suffix, p := range map[string]printer.Printer{".s": printer.NewGoAsm(cfg), ".go": printer.NewStubs(cfg)} {
		text, err := p.Print(f)
		must(err)
		path := filepath.Join(dir, name+suffix)
		if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, text) {
			must(os.WriteFile(path, text, 0o644))
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
