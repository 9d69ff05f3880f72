// Gen writes the assembly of fragua/pipeline/minhash. Run it from its own folder:
//
//	go run .
//
// or with -o set to an empty folder, to compare with what is committed.
package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/buildtags"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	dir := flag.String("o", "..", "`folder` to write to")
	flag.Parse()
	c := build.NewContext()
	constraint, err := buildtags.ParseConstraint("amd64,!purego")
	must(err)
	c.Constraint(constraint)
	minimum(c, "minimumAVX2", 8)
	minimum(c, "minimumAVX512", 16)
	write(c, *dir, "asm_amd64")
}

// minimum is minimumPlain with vectors of this many lanes. The 64 least values stay in registers; each shingle is
// copied into all lanes, multiplied, added to and compared.
func minimum(c *build.Context, name string, lanes int) {
	c.Function(name)
	c.Doc(name + " is minimumPlain for at least one x.")
	c.Pragma("noescape")
	c.Attributes(attr.NOSPLIT)
	c.SignatureExpr("func(n int, least *uint32, mul *uint32, add *uint32, x *uint64)")
	n := c.Load(c.Param("n"), c.GP64())
	least := Mem{Base: c.Load(c.Param("least"), c.GP64())}
	mul := Mem{Base: c.Load(c.Param("mul"), c.GP64())}
	add := Mem{Base: c.Load(c.Param("add"), c.GP64())}
	x := c.Load(c.Param("x"), c.GP64())
	vector := func() reg.VecVirtual {
		if lanes == 16 {
			return c.ZMM()
		}
		return c.YMM()
	}
	move := func(from, to Op) {
		if lanes == 16 {
			c.VMOVDQU32(from, to)
		} else {
			c.VMOVDQU(from, to)
		}
	}
	bytes, count := 4*lanes, 64/lanes
	acc := make([]reg.VecVirtual, count)
	for i := range acc {
		acc[i] = vector()
		move(least.Offset(bytes*i), acc[i])
	}
	value := vector()
	c.Label(name + "Next")
	c.VPBROADCASTD(Mem{Base: x}, value)
	for i := range acc {
		product := vector()
		c.VPMULLD(mul.Offset(bytes*i), value, product)
		c.VPADDD(add.Offset(bytes*i), product, product)
		c.VPMINUD(product, acc[i], acc[i])
	}
	c.ADDQ(Imm(8), x)
	c.DECQ(n)
	c.JNZ(LabelRef(name + "Next"))
	for i := range acc {
		move(acc[i], least.Offset(bytes*i))
	}
	c.VZEROUPPER()
	c.RET()
}

func write(c *build.Context, dir, name string) {
	f, err := c.Result()
	must(err)
	must(pass.Compile.Execute(f))
	config := printer.Config{Argv: []string{"go run fragua/pipeline/minhash/gen"}, Pkg: "minhash"}
	for ext, p := range map[string]printer.Printer{".s": printer.NewGoAsm(config), ".go": printer.NewStubs(config)} {
		b, err := p.Print(f)
		must(err)
		must(os.WriteFile(filepath.Join(dir, name+ext), bytes.TrimLeft(b, "\n"), 0o666))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
