package main

import (
	"fmt"
	"io"
	"strings"

	"fragua/pipeline"
	"fragua/pipeline/cluster"
)

// printCluster says what a run would hand to the cluster's scheduler: of each stage the
// first phase's script, and that of the first phase that gets a whole machine. The others
// differ in their names.
func printCluster(w io.Writer, s cluster.Settings, stages []pipeline.PlannedStage) {
	for _, st := range stages {
		if len(st.Phases) == 0 {
			continue
		}
		var many, whole []pipeline.PlannedPhase
		for _, p := range st.Phases {
			if p.Whole {
				whole = append(whole, p)
			} else {
				many = append(many, p)
			}
		}
		for _, list := range [][]pipeline.PlannedPhase{many, whole} {
			if len(list) == 0 {
				continue
			}
			var names []string
			for _, p := range list {
				names = append(names, p.Name)
			}
			fmt.Fprintf(w, "\n%s on %s, phases %s; for %s:\n", st.Name, s.On, strings.Join(names, ", "), list[0].Name)
			for l := range strings.Lines(list[0].Script) {
				fmt.Fprintf(w, "  %s", l)
			}
			if !strings.HasSuffix(list[0].Script, "\n") {
				fmt.Fprintln(w)
			}
		}
	}
}
