package kernel

import "testing"

// atLevels runs f at every level this CPU has.
func atLevels(t *testing.T, f func(t *testing.T)) {
	before := active
	defer func() { active = before }()
	for _, l := range levels {
		active = l
		t.Run(l.gemm.Name, f)
	}
}
