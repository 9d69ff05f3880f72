//go:build xla

package xla

import (
	"slices"
	"strings"
	"testing"
)

// TestDevice sums over two devices, gives memory over, and names what is wrong.
func TestDevice(t *testing.T) {
	c, err := Open(Device{Kind: CPU, Count: 2}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Devices() != 2 || !strings.HasPrefix(c.String(), "cpu-xla:2, PJRT 0.") {
		t.Errorf("%d devices of %s", c.Devices(), c)
	}
	const sum = `module attributes {mhlo.num_replicas = 2 : i32, mhlo.num_partitions = 1 : i32} {
  func.func public @main(%x: tensor<2xf32> {tf.aliasing_output = 0 : i32}, %n: tensor<2xi32>) -> (tensor<2xf32>, tensor<2xi32>) {
    %y = "stablehlo.all_reduce"(%x) <{replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>}> ({ ^bb0(%a: tensor<f32>, %b: tensor<f32>): %s = stablehlo.add %a, %b : tensor<f32> stablehlo.return %s : tensor<f32> }) : (tensor<2xf32>) -> tensor<2xf32>
    %m = stablehlo.add %n, %n : tensor<2xi32>
    return %y, %m : tensor<2xf32>, tensor<2xi32>
  }
}`
	program, err := c.Compile(sum)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Free()
	var arguments [][]*Buffer
	for d := range 2 {
		x, err := Put(c, d, []float32{float32(d), 2}, 2)
		if err != nil {
			t.Fatal(err)
		}
		n, err := Put(c, d, []int32{3, int32(d)}, 2)
		if err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, []*Buffer{x, n})
	}
	results, err := program.Run(arguments)
	if err != nil {
		t.Fatal(err)
	}
	for d, r := range results {
		x, n := make([]float32, 2), make([]int32, 2)
		if err := Get(r[0], x); err != nil {
			t.Fatal(err)
		}
		if err := Get(r[1], n); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x, []float32{1, 4}) || !slices.Equal(n, []int32{6, int32(2 * d)}) {
			t.Errorf("device %d: %v and %v", d, x, n)
		}
	}
	if err := Get(arguments[0][0], make([]float32, 2)); err == nil {
		t.Error("memory that was given over can still be read")
	}
	for _, b := range slices.Concat(append(results, arguments...)...) {
		b.Free()
	}
	if _, err := c.Compile("module { nonsense }"); err == nil || !strings.HasPrefix(err.Error(), "pjrt: ") {
		t.Errorf("nonsense compiles: %v", err)
	}
	if _, err := Open(Device{Kind: CPU}, "/proc/self/exe"); err == nil {
		t.Error("a program is opened as a plugin")
	}
}
