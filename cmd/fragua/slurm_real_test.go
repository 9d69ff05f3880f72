//go:build linux && slurm

package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fragua/pipeline"
)

// How much TestOnSlurm has to go through.
const partBytes, deadWorkers, deadNodes, deadCoordinators = 1024, 20, 5, 3

// clusterVariable is in the environment of all processes of the cluster.
const clusterVariable = "SLURM_CONF"

// schedulers: the real commands of Slurm are in the PATH.
var schedulers = map[string]func(){}

// startCluster starts Slurm with nodes of one core each, all on this machine. It needs
// root, and Debian's packages slurmctld, slurmd, slurm-client and munge. It returns a
// function that brings back a node that was killed.
func startCluster(t *testing.T, n int) (restart func(node string)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"state", "munge"} {
		if err := os.Mkdir(path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path("munge/key"), []byte(rand.Text()+rand.Text()), 0o400); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	var conf strings.Builder
	fmt.Fprintf(&conf, `ClusterName=test
SlurmctldHost=%s(127.0.0.1)
SlurmctldPort=%d
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket=%s
SlurmUser=root
SlurmdUser=root
StateSaveLocation=%s
SlurmdSpoolDir=%s/spool.%%n
SlurmctldPidFile=%s/slurmctld.pid
SlurmdPidFile=%s/slurmd.%%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=20
InactiveLimit=0
MinJobAge=300
KillWait=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1
SlurmdParameters=config_overrides
MaxArraySize=1001
MaxJobCount=10000
`, host, freePort(t), path("munge/socket"), path("state"), dir, dir, dir)
	for i := range n {
		fmt.Fprintf(&conf, "NodeName=n%d NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=2 RealMemory=4000\n", i+1, host, freePort(t))
	}
	fmt.Fprintf(&conf, "PartitionName=all Nodes=n[1-%d] Default=YES MaxTime=INFINITE State=UP\n", n)
	if err := os.WriteFile(path("slurm.conf"), []byte(conf.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(clusterVariable, path("slurm.conf"))
	mark := clusterVariable + "=" + path("slurm.conf")

	var mu sync.Mutex
	var daemons []*exec.Cmd
	start := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		log, err := os.OpenFile(path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Error(err)
			return
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			t.Errorf("%s: %v (apt-get install slurmctld slurmd slurm-client munge)", name, err)
			return
		}
		mu.Lock()
		daemons = append(daemons, cmd)
		mu.Unlock()
		go cmd.Wait()
	}
	start("munged", "--foreground", "--force", "--key-file="+path("munge/key"), "--socket="+path("munge/socket"), "--pid-file="+path("munge/pid"), "--log-file="+path("munge/log"), "--seed-file="+path("munge/seed"))
	for range 100 {
		if _, err := os.Stat(path("munge/socket")); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range daemons {
			d.Process.Kill()
		}
		for pid := range clusterProcesses(mark) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	start("slurmctld", "-D")
	node := func(name string) {
		os.Mkdir(path("spool."+name), 0o755)
		cmd := "slurmd"
		start("env", "SLURMD_NODENAME="+name, cmd, "-D", "-N", name) // so that whoever kills the node finds it
	}
	for i := range n {
		node(fmt.Sprint("n", i+1))
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		out, err := exec.Command("sinfo", "--noheader", "--Node", "--format=%T").CombinedOutput()
		if err == nil && strings.Count(string(out), "idle") == n {
			break
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(path("log"))
			t.Fatalf("Slurm does not start: %s%v\n%s", out, err, log)
		}
	}
	return func(name string) {
		time.AfterFunc(2*time.Second, func() { node(name) })
	}
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestMaxArraySize: 1,500 tasks, where an array may have 1,001.
func TestMaxArraySize(t *testing.T) { manyTasks(t, 1500) }

// manyTasks runs more tasks than an array may have indices.
func manyTasks(t *testing.T, tasks int) {
	startCluster(t, nodes)
	const line = "{\"text\": \"document number %05d\"}\n"
	dir := clusterDir(t, fmt.Sprintf("stages:\n  - {name: corpus, use: ingest, with: {sources: [{jsonl: {path: raw.jsonl}}], steps: [], part_bytes: %d}}\n", len(fmt.Sprintf(line, 0))))
	var b strings.Builder
	for i := range tasks {
		fmt.Fprintf(&b, line, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "raw.jsonl"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "out", onCluster(tasks)...)
	m, err := pipeline.ReadManifest(filepath.Join(dir, "out", "corpus"))
	if err != nil || m.Counts.Kept != int64(tasks) || len(m.Shards) != tasks {
		t.Errorf("%d shards, %+v, %v", len(m.Shards), m.Counts, err)
	}
	if out, err := exec.Command("fragua", "verify", filepath.Join(dir, "out")).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
