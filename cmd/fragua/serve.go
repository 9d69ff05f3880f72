package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"fragua/cmd/fragua/serve"
	"fragua/model"
	"fragua/pipeline/fault"
)

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:      "serve",
		Usage:     "answer programs over HTTP, as OpenAI's API does",
		ArgsUsage: "MODEL…",
		Description: `fragua serve runs/quickstart/base runs/quickstart/sentiment
fragua serve small=SmolLM2-135M-Instruct.Q4_1.gguf --weights int8 --port 8080

/v1/models, /v1/completions, /v1/chat/completions, /v1/embeddings; /classify, /translate and /tokenize take
{"model": NAME, "input": TEXT or list} ({"text": TEXT}); /health, /metrics, and a chat page at /.
Texts that are asked for at the same time run in one batch.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "host", Value: "127.0.0.1", Usage: "`ADDRESS` to listen on; another than this machine's own needs a key"},
			&cli.IntFlag{Name: "port", Value: 8080, Usage: "`PORT`; 0: a free one"},
			&cli.StringFlag{Name: "key-file", Usage: "`FILE` with the API key that requests must carry"},
			&cli.StringFlag{Name: "weights", Value: "f32", Usage: "of language models: f32, bf16 or int8"},
			&cli.StringSliceFlag{Name: "adapter", Usage: "serve MODEL with the adapter in `NAME=FOLDER`, too, under that name; each holds weights of its own"},
			&cli.IntFlag{Name: "slots", Value: 16, Usage: "texts of a model at a time"},
			&cli.IntFlag{Name: "queue", Value: 64, Usage: "texts that may wait; more are refused"},
			&cli.Int64Flag{Name: "max-body", Value: 1 << 20, Usage: "bytes of a request"},
			&cli.DurationFlag{Name: "timeout", Value: 5 * time.Minute, Usage: "of a request; what is there by then is the answer"},
		}, machineFlags...),
		Action: serveAction,
	}
}

func serveAction(c *cli.Context) error {
	if c.NArg() == 0 {
		return fault.Hintf(usage("which model?"), "%s", example(c.Command))
	}
	for _, f := range []string{"slots", "queue"} {
		if c.Int(f) < 1 {
			return usage("--%s is %d, but at least 1 is wanted", f, c.Int(f))
		}
	}
	if c.Int64("max-body") < 1 || c.Duration("timeout") <= 0 {
		return usage("--max-body and --timeout must be above 0")
	}
	if w := c.String("weights"); !slices.Contains(model.WeightKinds, w) {
		return usage("--weights: there are none of %q, only %s", w, strings.Join(model.WeightKinds, ", "))
	}
	if err := setMachine(c); err != nil {
		return err
	}
	o := serve.Options{Slots: c.Int("slots"), Queue: c.Int("queue"), Body: c.Int64("max-body"), Timeout: c.Duration("timeout")}
	if file := c.String("key-file"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if o.Key = strings.TrimSpace(string(b)); o.Key == "" {
			return usage("%s holds no key", file)
		}
	}
	if ip := net.ParseIP(c.String("host")); o.Key == "" && c.String("host") != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fault.Hintf(usage("--host %s can be reached from other machines", c.String("host")), "give a key: --key-file FILE")
	}
	for _, arg := range c.Args().Slice() {
		path := arg
		if _, named, ok := strings.Cut(arg, "="); ok {
			path = named
		}
		if err := verifyModel(c, path); err != nil {
			return err
		}
		m, err := serve.Open(arg, c.String("weights"), "")
		if err != nil {
			return err
		}
		o.Models = append(o.Models, m)
	}
	for _, arg := range c.StringSlice("adapter") {
		if c.NArg() != 1 {
			return usage("--adapter goes with one MODEL, and %d are given", c.NArg())
		}
		name, dir, ok := strings.Cut(arg, "=")
		if !ok {
			dir, name = arg, filepath.Base(filepath.Clean(arg))
		}
		_, path, named := strings.Cut(c.Args().First(), "=")
		if !named {
			path = c.Args().First()
		}
		m, err := serve.Open(name+"="+path, c.String("weights"), dir)
		if err != nil {
			return err
		}
		o.Models = append(o.Models, m)
	}
	s, err := serve.New(o)
	if err != nil {
		return err
	}
	defer s.Close()
	listener, err := net.Listen("tcp", net.JoinHostPort(c.String("host"), fmt.Sprint(c.Int("port"))))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	fmt.Fprintf(c.App.Writer, "serving at http://%s/v1, a page for chats at http://%s/\nCtrl-C lets what is under way end\n", listener.Addr(), listener.Addr())
	done := make(chan struct{})
	stop := context.AfterFunc(c.Context, func() {
		defer close(done)
		s.Drain()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-done
	return nil
}
