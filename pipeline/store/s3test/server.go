// Package s3test starts a real S3 server for tests: versitygw on a temporary
// folder, built from the Go module proxy at the version that .ci/s3.mod names.
package s3test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Bucket is there when the server has started.
const Bucket = "bucket"

const accessKey, secretKey = "test", "testtest"

// A Server runs until the test ends.
type Server struct {
	t       testing.TB
	program string
	folder  string
	address string
	process *exec.Cmd
}

// Start builds and starts a server, and points the environment of the test and of
// its child processes to it.
func Start(t testing.TB, setenv func(key, value string)) *Server {
	t.Helper()
	s := &Server{t: t, program: build(t), folder: t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	l.Close()
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://" + s.address, "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey,
		"AWS_REGION": "us-east-1", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_ENDPOINT_URL_S3": "",
		"XDG_CACHE_HOME": t.TempDir(),
	} {
		setenv(key, value)
	}
	s.Up()
	t.Cleanup(s.Down)
	c, err := minio.New(s.address, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err == nil {
		err = c.MakeBucket(context.Background(), Bucket, minio.MakeBucketOptions{})
	}
	if err != nil {
		t.Fatalf("making a bucket: %v", err)
	}
	return s
}

// Up starts the process, on the same files as before, and waits until it answers.
func (s *Server) Up() {
	s.process = exec.Command(s.program, "--port", s.address, "posix", s.folder)
	s.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+accessKey, "ROOT_SECRET_KEY="+secretKey)
	if err := s.process.Start(); err != nil {
		s.t.Errorf("starting the S3 server: %v", err)
		return
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", s.address); err == nil {
			c.Close()
			return
		}
	}
	s.t.Error("the S3 server does not answer")
}

// Down kills the process.
func (s *Server) Down() {
	s.process.Process.Kill()
	s.process.Wait()
}

// Signal sends the process a signal.
func (s *Server) Signal(signal os.Signal) { s.process.Process.Signal(signal) }

// build returns the server's program. One that was built is used again.
func build(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	mod := filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), ".ci", "s3.mod")
	text, err := os.ReadFile(mod)
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(string(text), "github.com/versity/versitygw ")
	version, _, _ = strings.Cut(version, " ")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "fragua-test", "versitygw-"+version)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	part := fmt.Sprintf("%s.%d", program, os.Getpid())
	cmd := exec.Command("go", "build", "-modfile", mod, "-o", part, "github.com/versity/versitygw/cmd/versitygw")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the S3 server that the tests need: %v\n%s", err, out)
	}
	if err := os.Rename(part, program); err != nil {
		t.Fatal(err)
	}
	return program
}
