package main

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestOutOfMemory: a program that reaches its limit ends with a sentence and the
// code of a failure, and not with the runtime's dump.
func TestOutOfMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("limits are read on Linux alone")
	}
	if os.Getenv("FRAGUA_TEST_HOG") != "" {
		watchMemory(os.Stderr)
		var hog [][]byte
		for range 4096 { // 16 GB, a little at a time
			b := make([]byte, 4<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			hog = append(hog, b)
		}
		t.Fatal(len(hog), "blocks and no end")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `ulimit -v 3000000 && exec "$0" -test.run '^TestOutOfMemory$'`, self)
	cmd.Env = append(os.Environ(), "FRAGUA_TEST_HOG=1")
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(string(out), "fragua: error: out of memory: ") || !strings.Contains(string(out), "that ulimit -v gives") || !strings.Contains(string(out), "fragua: hint: ") {
		t.Errorf("code %d, %v:\n%.2000s", code, err, out)
	}
}
