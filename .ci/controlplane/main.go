// Controlplane is a Kubernetes for tests: etcd, kube-apiserver and the Job controller in
// one process, and one node that runs the command of each pod as a process of this
// machine. There is no scheduler, no kubelet and no image.
//
//	controlplane FOLDER    # writes FOLDER/kubeconfig once it is ready
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controller/job"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	etcd, err := startEtcd(filepath.Join(dir, "etcd"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	failed := make(chan error, 1)
	kubeconfig, err := startAPI(ctx, dir, etcd, failed)
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for { // until the namespace is there
		_, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		if err == nil {
			break
		}
		select {
		case err := <-failed:
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
	f := informers.NewSharedInformerFactory(client, 0)
	c, err := job.NewController(ctx, client, f.Core().V1().Pods(), f.Batch().V1().Jobs(), f.Scheduling().V1beta1().Workloads(), f.Scheduling().V1beta1().PodGroups())
	if err != nil {
		return err
	}
	f.Start(ctx.Done())
	go c.Run(ctx, 2)
	n := node{client: client, dir: dir, places: make(chan struct{}, 4)}
	go func() { failed <- n.run(ctx) }()
	if err := os.Rename(kubeconfig, filepath.Join(dir, "kubeconfig")); err != nil { // ready
		return err
	}
	return <-failed
}

// startEtcd returns the address of an etcd that keeps its data in a folder.
func startEtcd(dir string) (string, error) {
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	clients, err := freePort()
	if err != nil {
		return "", err
	}
	peers, err := freePort()
	if err != nil {
		return "", err
	}
	local := func(port int) []url.URL {
		return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = local(clients), local(clients)
	config.ListenPeerUrls, config.AdvertisePeerUrls = local(peers), local(peers)
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return "", err
	}
	<-server.Server.ReadyNotify()
	return config.ListenClientUrls[0].String(), nil
}

// startAPI starts kube-apiserver, and returns a kubeconfig that leads to it.
func startAPI(ctx context.Context, dir, etcd string, failed chan<- error) (kubeconfig string, err error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", err
	}
	accounts, tokens, token := filepath.Join(dir, "accounts.key"), filepath.Join(dir, "tokens.csv"), rand.Text()
	kubeconfig = filepath.Join(dir, "kubeconfig.part")
	for name, content := range map[string]string{
		accounts: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})),
		tokens:   token + ",test,1,system:masters\n",
		kubeconfig: fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: "https://127.0.0.1:%d", certificate-authority: apiserver.crt}}]
users: [{name: test, user: {token: %s}}]
`, port, token),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	cmd := app.NewAPIServerCommand()
	cmd.SetArgs([]string{"--etcd-servers=" + etcd, "--cert-dir=" + dir, "--bind-address=127.0.0.1", fmt.Sprint("--secure-port=", port),
		"--service-account-issuer=https://test", "--service-account-key-file=" + accounts, "--service-account-signing-key-file=" + accounts,
		"--token-auth-file=" + tokens, "--authorization-mode=AlwaysAllow", "--disable-admission-plugins=ServiceAccount",
		"--service-cluster-ip-range=10.0.0.0/24", "--enable-priority-and-fairness=false", "-v=0"})
	go func() { failed <- cmd.ExecuteContext(ctx) }()
	for { // it makes its own certificate
		if _, err := os.Stat(filepath.Join(dir, "apiserver.crt")); err == nil {
			return kubeconfig, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
