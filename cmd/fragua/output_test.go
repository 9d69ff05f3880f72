package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFullOutput writes to a device that takes nothing: no command may end as if its
// answer had arrived.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	for _, args := range []string{"--help", "config list", "config show quickstart", "guide", "doctor", "version", "completion bash"} {
		cmd := exec.CommandContext(t.Context(), "fragua", strings.Fields(args)...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(errs.String(), "output") {
			t.Errorf("fragua %s > /dev/full: exit code %d\n%s", args, code, &errs)
		}
	}
}
