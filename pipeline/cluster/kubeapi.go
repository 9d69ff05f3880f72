package cluster

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"fragua/pipeline/fault"
)

// kubeAPI is a server of Kubernetes' REST interface, and who we are to it.
type kubeAPI struct {
	server string
	token  func() (string, error) // it may change while we run
	client *http.Client
}

// A kubeError is what the server answered.
type kubeError struct {
	status int
	text   string
}

func (e *kubeError) Error() string { return e.text }

// openKubeAPI finds the server: the one that is named, that of the cluster in whose pod
// we run, or that of the kubeconfig's current context.
func openKubeAPI(server string) (*kubeAPI, error) {
	if server != "" {
		return newKubeAPI(server, new(tls.Config), nil), nil
	}
	const account = "/var/run/secrets/kubernetes.io/serviceaccount"
	if host := os.Getenv("KUBERNETES_SERVICE_HOST"); host != "" {
		ca, err := os.ReadFile(filepath.Join(account, "ca.crt"))
		if err != nil {
			return nil, err
		}
		config := &tls.Config{RootCAs: x509.NewCertPool()}
		config.RootCAs.AppendCertsFromPEM(ca)
		return newKubeAPI("https://"+net.JoinHostPort(host, cmp.Or(os.Getenv("KUBERNETES_SERVICE_PORT"), "443")), config, func() (string, error) {
			b, err := os.ReadFile(filepath.Join(account, "token"))
			return strings.TrimSpace(string(b)), err
		}), nil
	}
	home, _ := os.UserHomeDir()
	name := cmp.Or(os.Getenv("KUBECONFIG"), filepath.Join(home, ".kube", "config"))
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.Hintf(fmt.Errorf("no Kubernetes is known: %w", err), "set KUBECONFIG, or run `kubectl proxy` and give --set cluster.server=http://127.0.0.1:8001")
	}
	return readKubeconfig(name, b)
}

func newKubeAPI(server string, config *tls.Config, token func() (string, error)) *kubeAPI {
	return &kubeAPI{strings.TrimSuffix(server, "/"), token, &http.Client{Timeout: time.Minute, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config}}}
}

// kubeconfig is the part of the file that is read; kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig.
type kubeconfig struct {
	Current  string `yaml:"current-context"`
	Contexts []struct {
		Name    string
		Context struct{ Cluster, User string }
	}
	Clusters []struct {
		Name    string
		Cluster struct {
			Server   string
			CA       string `yaml:"certificate-authority"`
			CAData   string `yaml:"certificate-authority-data"`
			Insecure bool   `yaml:"insecure-skip-tls-verify"`
		}
	}
	Users []struct {
		Name string
		User struct {
			Token     string
			TokenFile string `yaml:"tokenFile"`
			Cert      string `yaml:"client-certificate"`
			CertData  string `yaml:"client-certificate-data"`
			Key       string `yaml:"client-key"`
			KeyData   string `yaml:"client-key-data"`
			Exec      any
			Username  string
		}
	}
}

func readKubeconfig(name string, b []byte) (*kubeAPI, error) {
	wrong := func(format string, args ...any) error {
		return fault.Hintf(&fault.RowError{File: name, Row: -1, Err: fmt.Errorf(format, args...)}, "run `kubectl proxy`, which knows every way to log in, and give --set cluster.server=http://127.0.0.1:8001")
	}
	var c kubeconfig
	if err := yaml.Unmarshal(b, &c); err != nil {
		return nil, wrong("%w", err)
	}
	var cluster, user string
	for _, x := range c.Contexts {
		if x.Name == c.Current {
			cluster, user = x.Context.Cluster, x.Context.User
		}
	}
	config, server := new(tls.Config), ""
	data := func(inline, file string) ([]byte, error) {
		if inline != "" {
			return base64.StdEncoding.DecodeString(inline)
		}
		if file != "" && !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(name), file)
		}
		return os.ReadFile(file)
	}
	for _, x := range c.Clusters {
		if x.Name != cluster {
			continue
		}
		server = x.Cluster.Server
		if x.Cluster.Insecure {
			return nil, wrong("cluster %s skips the check of its certificate, which is refused here", cluster)
		}
		if x.Cluster.CAData != "" || x.Cluster.CA != "" {
			ca, err := data(x.Cluster.CAData, x.Cluster.CA)
			config.RootCAs = x509.NewCertPool()
			if err != nil || !config.RootCAs.AppendCertsFromPEM(ca) {
				return nil, wrong("the certificate of cluster %s cannot be read: %w", cluster, err)
			}
		}
	}
	if server == "" {
		return nil, wrong("context %q names no cluster with a server", c.Current)
	}
	for _, x := range c.Users {
		if x.Name != user {
			continue
		}
		u := x.User
		switch {
		case u.Token != "":
			return newKubeAPI(server, config, func() (string, error) { return u.Token, nil }), nil
		case u.TokenFile != "":
			return newKubeAPI(server, config, func() (string, error) {
				b, err := os.ReadFile(u.TokenFile)
				return strings.TrimSpace(string(b)), err
			}), nil
		case u.Exec != nil, u.Username != "":
			return nil, wrong("user %s logs in by a program or a password, which is not supported", user)
		}
		cert, err := data(u.CertData, u.Cert)
		key, err2 := data(u.KeyData, u.Key)
		if err = errors.Join(err, err2); err != nil {
			return nil, wrong("the certificate of user %s cannot be read: %w", user, err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, wrong("user %s: %w", user, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return newKubeAPI(server, config, nil), nil
}

// call sends a request, and reads the answer into got.
func (a *kubeAPI) call(ctx context.Context, method, path string, body, got any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		b = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, a.server+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if a.token != nil {
		token, err := a.token()
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	r, err := a.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fault.Hintf(fmt.Errorf("no answer from Kubernetes: %w", err), "check KUBECONFIG, cluster.server and the network")
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return err
	}
	if r.StatusCode > 299 {
		var status struct{ Message string }
		json.Unmarshal(answer, &status) // what is no Status is told as it is
		return &kubeError{r.StatusCode, fmt.Sprintf("Kubernetes: %s %s: %s: %s", method, path, r.Status, cmp.Or(status.Message, string(answer[:min(len(answer), 200)])))}
	}
	if got == nil {
		return nil
	}
	return json.Unmarshal(answer, got)
}
