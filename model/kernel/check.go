package kernel

import "fmt"

// same panics where slices that must be equally long are not: a mistake of the caller.
func same(what string, n int, others ...int) {
	for _, m := range others {
		if m != n {
			panic(fmt.Sprintf("kernel: %s: slices of %d and %d elements", what, n, m))
		}
	}
}

// rowsOf returns the rows of an n-element matrix with cols columns.
func rowsOf(what string, n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		panic(fmt.Sprintf("kernel: %s: %d elements are not rows of %d", what, n, cols))
	}
	return n / cols
}

// fits reports whether a matrix whose rows begin ld apart lies in x.
func fits(x []float32, rows, cols, ld int) bool {
	return rows == 0 || cols == 0 || cols <= ld && (rows-1)*ld+cols <= len(x)
}
