package main

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryLimits reads what the machine, the control group (of either version) and
// the limit of the address space allow.
func memoryLimits() (limits []memoryLimit) {
	if total := meminfo("MemTotal:"); total > 0 {
		limits = append(limits, memoryLimit{total, "this machine", func() int64 { return statm(1) }})
	}
	if n := cgroupLimit(); n > 0 {
		limits = append(limits, memoryLimit{n, "the control group", func() int64 { return statm(1) }})
	}
	var space unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &space) == nil && space.Cur < 1<<60 {
		limits = append(limits, memoryLimit{int64(space.Cur), "ulimit -v", func() int64 { return statm(0) }})
	}
	return limits
}

// statm returns a field of /proc/self/statm in bytes: 0 the address space, 1 what
// of it is in memory.
func statm(field int) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	f := bytes.Fields(b)
	if err != nil || len(f) <= field {
		return 0
	}
	n, _ := strconv.ParseInt(string(f[field]), 10, 64)
	return n * int64(os.Getpagesize())
}

func meminfo(name string) int64 {
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}

// cgroupLimit returns the least limit of the groups that this process is in; 0:
// there is none.
func cgroupLimit() (least int64) {
	b, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(b)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		if controllers == "memory" {
			root, file = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if controllers != "" {
			continue
		}
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) { // a group is in those above it
			s, _ := os.ReadFile(path.Join(root, dir, file))
			n, err := strconv.ParseInt(strings.TrimSpace(string(s)), 10, 64)
			if err == nil && n > 0 && n < 1<<60 && (least == 0 || n < least) {
				least = n
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}
