//go:build kubernetes

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// startKubernetes starts .ci/controlplane, and returns no flags: a kubeconfig leads to it.
func startKubernetes(t *testing.T) []string {
	dir := t.TempDir()
	cmd := exec.Command("fragua-controlplane", dir) // .ci/kubernetes builds it
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if b, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s", b[max(0, len(b)-10000):])
		}
	})
	kubeconfig := filepath.Join(dir, "kubeconfig")
	await(t, cmd, kubeconfig)
	t.Setenv("KUBECONFIG", kubeconfig)
	return nil
}
