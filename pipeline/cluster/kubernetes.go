package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"fragua/pipeline/fault"
)

// kubernetes runs a batch as one Indexed Job, through the REST interface of Kubernetes
// 1.33 or later (batch/v1, kubernetes.io/docs/concepts/workloads/controllers/job).
type kubernetes struct {
	Settings
	once sync.Once
	api  *kubeAPI
	err  error
}

// object is a part of a manifest.
type object map[string]any

// manifest is the Job of a batch.
func (k *kubernetes) manifest(b Batch, name string) object {
	// An Indexed Job counts from 0 without gaps: --pick says which shares these are.
	command := append(slices.Clone(b.Command), "--pick", ranges(b.Indices))
	env := []object{{"name": "XDG_CACHE_HOME", "value": "/scratch"}, {"name": "TMPDIR", "value": "/scratch"}}
	for _, key := range slices.Sorted(maps.Keys(k.Environment)) {
		env = append(env, object{"name": key, "value": k.Environment[key]})
	}
	memory := fmt.Sprintf("%dMi", k.MemoryMB)
	container := object{"name": "work", "image": k.Image, "command": command, "env": env,
		"volumeMounts": []object{{"name": "scratch", "mountPath": "/scratch"}}}
	volumes := []object{{"name": "scratch", "emptyDir": object{}}}
	if claim, path, ok := strings.Cut(k.Volume, ":"); ok {
		volumes = append(volumes, object{"name": "shared", "persistentVolumeClaim": object{"claimName": claim}})
		container["volumeMounts"] = append(container["volumeMounts"].([]object), object{"name": "shared", "mountPath": path})
	}
	if k.Secret != "" {
		container["envFrom"] = []object{{"secretRef": object{"name": k.Secret}}}
	}
	labels := object{"app.kubernetes.io/name": "fragua"}
	pod := object{"restartPolicy": "Never", "containers": []object{container}, "volumes": volumes}
	if b.Whole { // no other worker of ours shares its node
		pod["affinity"] = object{"podAntiAffinity": object{"requiredDuringSchedulingIgnoredDuringExecution": []object{
			{"labelSelector": object{"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}}}}
	} else {
		container["resources"] = object{"requests": object{"cpu": fmt.Sprint(k.CPUs), "memory": memory}, "limits": object{"memory": memory}}
	}
	if len(k.NodeSelector) > 0 {
		pod["nodeSelector"] = k.NodeSelector
	}
	if k.Time > 0 {
		pod["activeDeadlineSeconds"] = int(k.Time.Seconds())
	}
	spec := object{
		"completionMode": "Indexed", "completions": len(b.Indices), "parallelism": len(b.Indices),
		"backoffLimitPerIndex": 3, "ttlSecondsAfterFinished": 86400,
		"template": object{"metadata": object{"labels": labels}, "spec": pod},
	}
	if k.Parallel > 0 {
		spec["parallelism"] = min(k.Parallel, len(b.Indices))
	}
	return object{"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": name, "namespace": k.namespace(), "labels": labels}, "spec": spec}
}

func (k *kubernetes) namespace() string { return cmp.Or(k.Namespace, "default") }

// jobName makes a name of RFC 1123 that no other job has.
func jobName(batch string) string {
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(batch))
	return "fragua-" + name[:min(len(name), 40)] + "-" + strings.ToLower(rand.Text()[:8])
}

// Script is the Job's manifest, as kubectl takes it. The name's end is drawn for each.
func (k *kubernetes) Script(b Batch) string {
	text, err := json.MarshalIndent(k.manifest(b, jobName(b.Name)), "", "  ")
	if err != nil {
		panic(err) // strings, numbers and maps of them
	}
	return string(text) + "\n"
}

func (k *kubernetes) connect() (*kubeAPI, error) {
	k.once.Do(func() { k.api, k.err = openKubeAPI(k.Server) })
	return k.api, k.err
}

func (k *kubernetes) jobs() string {
	return "/apis/batch/v1/namespaces/" + k.namespace() + "/jobs"
}

func (k *kubernetes) Submit(ctx context.Context, b Batch) (string, error) {
	api, err := k.connect()
	if err != nil {
		return "", err
	}
	name := jobName(b.Name)
	err = api.call(ctx, http.MethodPost, k.jobs(), k.manifest(b, name), nil)
	var refused *kubeError
	if errors.As(err, &refused) {
		err = fault.Hintf(err, "look at image, namespace, volume and secret below cluster:, and at `kubectl auth can-i create jobs`")
	}
	return name, err
}

func (k *kubernetes) Active(ctx context.Context, job string) (int, error) {
	api, err := k.connect()
	if err != nil {
		return 0, err
	}
	var got struct {
		Spec   struct{ Completions int }
		Status struct {
			Succeeded  int
			Conditions []struct{ Type, Status string }
		}
	}
	if err := api.call(ctx, http.MethodGet, k.jobs()+"/"+job, nil, &got); err != nil {
		if gone(err) {
			return 0, nil
		}
		return 0, err
	}
	for _, c := range got.Status.Conditions {
		if c.Status == "True" && (c.Type == "Complete" || c.Type == "Failed") {
			return 0, nil
		}
	}
	return max(1, got.Spec.Completions-got.Status.Succeeded), nil
}

func (k *kubernetes) Cancel(ctx context.Context, job string) error {
	api, err := k.connect()
	if err != nil {
		return err
	}
	if err := api.call(ctx, http.MethodDelete, k.jobs()+"/"+job+"?propagationPolicy=Background", nil, nil); err != nil && !gone(err) {
		return err
	}
	return nil
}

func gone(err error) bool {
	var e *kubeError
	return errors.As(err, &e) && e.status == http.StatusNotFound
}

func (k *kubernetes) Log(b Batch, job string, index int) string {
	return fmt.Sprintf("to see its log: kubectl logs --namespace %s --tail=50 --selector batch.kubernetes.io/job-name=%s,batch.kubernetes.io/job-completion-index=%d",
		k.namespace(), job, slices.Index(b.Indices, index))
}

// Most is what an Indexed Job may have with failures counted by index.
func (k *kubernetes) Most(context.Context) (int, error) { return 100_000, nil }
