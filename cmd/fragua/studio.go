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
	"time"

	"github.com/urfave/cli/v2"

	"fragua/cmd/fragua/studio"
	"fragua/configs"
)

func studioCommand() *cli.Command {
	return &cli.Command{
		Name:      "studio",
		Usage:     "look at runs, rows and models in the browser",
		ArgsUsage: "[RUN…]",
		Description: `fragua studio
fragua studio runs/quickstart runs/mine

Without a run it shows those in the folder runs. The page is served on this machine alone, at an
address that holds a token.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "port", Usage: "`PORT` to listen on (default: a free one)"},
		},
		Action: studioAction,
	}
}

func studioAction(c *cli.Context) error {
	runs := c.Args().Slice()
	for _, dir := range runs {
		if !isDir(dir) {
			return usage("%s is no folder of a run", dir)
		}
	}
	if len(runs) == 0 {
		runs = []string{"runs"}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	token := studio.NewToken()
	handler, err := studio.New(studio.Options{Runs: runs, Table: stages, Recipes: configs.Recipes(), Program: []string{program}, Token: token,
		Verify: verifyResult, Open: readModel, Generate: generate, Sample: sampleFolder})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Int("port")))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return c.Context }}
	fmt.Fprintf(c.App.Writer, "open http://%s/?token=%s\nCtrl-C ends it; runs that it started go on\n", listener.Addr(), token)
	stop := context.AfterFunc(c.Context, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// sampleFolder lays the sample for a recipe that works on it, and returns where
// the recipe's paths resolve.
func sampleFolder(recipe, out string) (string, error) {
	if !slices.Contains(onSample, recipe) {
		return ".", nil
	}
	dir := filepath.Join(out, "input")
	_, err := layInput(dir)
	return dir, err
}
