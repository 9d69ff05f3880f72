package train

import (
	"fmt"

	"fragua/pipeline/fault"
)

// faults collects what is wrong with settings.
type faults []fault.Fault

func (f *faults) add(path, err, hint string) {
	*f = append(*f, fault.Fault{Path: path, Err: err, Hint: hint})
}

func (f *faults) atLeast(path string, v, least float64) {
	if !(v >= least) {
		f.add(path, fmt.Sprintf("%g is less than %g", v, least), fmt.Sprintf("%g or more", least))
	}
}

func (f *faults) of(path string, inner []fault.Fault) {
	for _, m := range inner {
		f.add(path+"."+m.Path, m.Err, m.Hint)
	}
}

// share demands a number in [0, 1].
func (f *faults) share(path string, v float64) {
	if !(v >= 0 && v <= 1) {
		f.add(path, fmt.Sprintf("%g is not between 0 and 1", v), "it is a share")
	}
}

// below demands a number in [0, 1).
func (f *faults) below(path string, v float64, usual string) {
	if !(v >= 0 && v < 1) {
		f.add(path, fmt.Sprintf("%g is not in [0, 1)", v), usual+" is usual")
	}
}

// above demands a number greater than the least.
func (f *faults) above(path string, v, least float64) {
	if !(v > least) {
		f.add(path, fmt.Sprintf("%g is not greater than %g", v, least), fmt.Sprintf("more than %g", least))
	}
}

// The checks of schedules.

func (s *linearShape) Check() (f []fault.Fault) { return floor(s.Floor) }
func (s *cosineShape) Check() (f []fault.Fault) { return floor(s.Floor) }

func floor(v float64) []fault.Fault {
	var f faults
	f.share("floor", v)
	return f
}

func (s *wsdShape) Check() []fault.Fault {
	f := faults(floor(s.Floor))
	f.share("decay", s.Decay)
	return f
}

func (s *slantedShape) Check() []fault.Fault {
	var f faults
	if !(s.Cut > 0 && s.Cut < 1) {
		f.add("cut", fmt.Sprintf("%g is not in (0, 1)", s.Cut), "0.1 is usual")
	}
	f.atLeast("ratio", s.Ratio, 1)
	return f
}

func (s *oneCycleShape) Check() []fault.Fault {
	var f faults
	f.share("peak", s.Peak)
	f.share("start", s.Start)
	f.share("end", s.End)
	return f
}
