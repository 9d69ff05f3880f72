//go:build !linux

package main

// schedulers: the tests of clusters find the processes to kill in /proc, so they run on
// Linux alone; TestCluster of package pipeline holds the same protocol everywhere.
var schedulers = map[string]func(){}

// How many workers die in TestOnKubernetes.
const deadWorkers, deadNodes = 6, 0

func killNode(string) {}
