package main

import (
	"bytes"
	"fmt"
	"go/token"
	"go/types"
	"os"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/buildtags"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is one instruction set: the width of its vectors and how many there are.
type isa struct {
	name  string // suffix of the functions
	lanes int    // float32 in a vector
	reg   []reg.VecPhysical
}

var avx2 = &isa{"AVX2", 8, []reg.VecPhysical{
	reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
	reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}}

var avx512 = &isa{"AVX512", 16, []reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}}

func (s *isa) bytes() int { return 4 * s.lanes }

// An asm is one file of assembly under construction.
type asm struct {
	*build.Context
	*isa
	labels int
	words  map[uint32]operand.Mem // constants, by their bits
	masks  operand.Mem            // ones, then zeros: a vector read from within is a mask
}

func newAsm(s *isa) *asm {
	a := &asm{Context: build.NewContext(), isa: s}
	c, err := buildtags.ParseConstraint("amd64,!purego")
	must(err)
	a.Constraint(c)
	return a
}

// begin starts a function named after the instruction set. Its pointers do not escape.
func (a *asm) begin(name, signature, doc string) {
	a.Function(name + a.name)
	a.Doc(name + a.name + " " + doc)
	a.Pragma("noescape")
	a.Attributes(attr.NOSPLIT)
	s, err := gotypes.ParseSignatureInPackage(structs, signature)
	must(err)
	a.Signature(s)
}

// structs has the structs of package gemm that signatures name, in their layout there.
var structs = func() *types.Package {
	p := types.NewPackage("fragua/model/kernel/gemm", "gemm")
	define := func(name string, fields ...*types.Var) types.Type {
		t := types.NewTypeName(token.NoPos, p, name, nil)
		p.Scope().Insert(t)
		return types.NewNamed(t, types.NewStruct(fields, nil), nil)
	}
	field := func(name string, t types.Type) *types.Var { return types.NewField(token.NoPos, p, name, t, false) }
	number, address := types.Typ[types.Int], types.NewPointer(types.Typ[types.Float32])
	target := define("copyTarget", field("dst", address), field("ldd", number), field("srcGap", number), field("dstGap", number), field("every", number))
	define("prefetch", field("next", address), field("step", number), field("by", number), field("to", types.NewPointer(target)))
	define("skinnyPrefetch", field("distance", number), field("pace", number))
	return p
}()

// end leaves the function with the upper halves of the vector registers clean.
func (a *asm) end() {
	a.VZEROUPPER()
	a.RET()
}

func (a *asm) label(what string) string {
	a.labels++
	return fmt.Sprintf("%s%d", what, a.labels)
}

func (a *asm) jump(l string) operand.LabelRef { return operand.LabelRef(l) }

// raw emits six bytes of machine code for what neither avo nor Go's assembler knows.
func (a *asm) raw(code [6]byte) {
	word := uint64(0)
	for i, b := range code {
		word |= uint64(b) << (8 * i)
	}
	a.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(word)}})
	a.Instruction(&ir.Instruction{Opcode: "WORD", Operands: []operand.Op{operand.U16(word >> 32)}})
}

// write compiles the file and puts NAME_amd64.s and its declarations into a package's folder.
func (a *asm) write(dir, pkg, name string) {
	f, err := a.Result()
	must(err)
	must(pass.Compile.Execute(f))
	cfg := printer.Config{Argv: []string{"go", "run", "fragua/model/kernel/gen"}, Name: "fragua/model/kernel/gen", Pkg: pkg}
	must(os.MkdirAll(dir, 0o755))
	for _, out := range []struct {
		printer printer.Printer
		name    string
	}{{printer.NewGoAsm(cfg), name + "_amd64.s"}, {printer.NewStubs(cfg), name + "_amd64.go"}} {
		text, err := out.printer.Print(f)
		must(err)
		path := dir + "/" + out.name
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
			continue
		}
		must(os.WriteFile(path, text, 0o644))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
