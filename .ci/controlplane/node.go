package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A node runs pods, a few at a time.
type node struct {
	client kubernetes.Interface
	dir    string
	places chan struct{}
}

func (n *node) run(ctx context.Context) error {
	known := map[string]bool{}
	for ; ; time.Sleep(100 * time.Millisecond) {
		pods, err := n.client.CoreV1().Pods(metav1.NamespaceDefault).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, p := range pods.Items {
			if !known[p.Name] && p.Status.Phase == corev1.PodPending {
				known[p.Name] = true
				go n.pod(ctx, &p)
			}
		}
	}
}

// pod runs the command of a pod's container, unless its Job has been deleted meanwhile.
func (n *node) pod(ctx context.Context, p *corev1.Pod) {
	n.places <- struct{}{}
	defer func() { <-n.places }()
	pods := n.client.CoreV1().Pods(p.Namespace)
	_, err := n.client.BatchV1().Jobs(p.Namespace).Get(ctx, p.Labels[batchv1.JobNameLabel], metav1.GetOptions{})
	if errors.IsNotFound(err) {
		pods.Delete(ctx, p.Name, metav1.DeleteOptions{})
		return
	}
	if err := pods.Bind(ctx, &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: p.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: "node"}}, metav1.CreateOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	n.tell(ctx, p, corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}})
	phase, code := corev1.PodSucceeded, 0
	if err := n.command(p); err != nil {
		fmt.Fprintf(os.Stderr, "pod %s: %v\n", p.Name, err)
		phase, code = corev1.PodFailed, 1
	}
	n.tell(ctx, p, phase, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: int32(code), FinishedAt: metav1.Now()}})
}

// command runs the container's command with a scratch folder of its own, and its output
// in FOLDER/POD.log.
func (n *node) command(p *corev1.Pod) error {
	scratch, err := os.MkdirTemp(n.dir, "pod")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	log, err := os.Create(filepath.Join(n.dir, p.Name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c := p.Spec.Containers[0]
	cmd := exec.Command(c.Command[0], append(c.Command[1:], c.Args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = os.Environ()
	for _, v := range c.Env {
		if v.ValueFrom != nil { // the index, as the Job controller gives it
			v.Value = p.Annotations[batchv1.JobCompletionIndexAnnotation]
		}
		cmd.Env = append(cmd.Env, v.Name+"="+strings.ReplaceAll(v.Value, "/scratch", scratch))
	}
	return cmd.Run()
}

// tell writes the state of a pod.
func (n *node) tell(ctx context.Context, p *corev1.Pod, phase corev1.PodPhase, state corev1.ContainerState) {
	pods := n.client.CoreV1().Pods(p.Namespace)
	for range 20 {
		now, err := pods.Get(ctx, p.Name, metav1.GetOptions{})
		if err == nil {
			now.Status.Phase = phase
			now.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: p.Spec.Containers[0].Name, State: state}}
			_, err = pods.UpdateStatus(ctx, now, metav1.UpdateOptions{})
		}
		if err == nil || errors.IsNotFound(err) {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "pod %s: its state %s cannot be written\n", p.Name, phase)
}
