//go:build !amd64 || purego

package kernel

var levels = []*bodies{&plain}
