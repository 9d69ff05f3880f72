package serve

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Options are the limits of a server.
type Options struct {
	Models  []*Model
	Key     string        // that requests must carry as a bearer token; "": none
	Slots   int           // texts at a time, of each model
	Queue   int           // texts that may wait
	Body    int64         // bytes of a request
	Timeout time.Duration // of a request
}

// A Server is an http.Handler with an engine for each language model.
type Server struct {
	Options
	models  map[string]*Model
	stats   stats
	mux     *http.ServeMux
	stop    context.CancelFunc
	engines sync.WaitGroup
	closing chan struct{}
}

//go:embed chat.html
var page []byte

// New starts the engines.
func New(o Options) (*Server, error) {
	s := &Server{Options: o, models: map[string]*Model{}, mux: http.NewServeMux(), closing: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, m := range o.Models {
		if s.models[m.Name] != nil {
			stop()
			return nil, fmt.Errorf("two models are named %q: give NAME=PATH", m.Name)
		}
		s.models[m.Name] = m
		if m.lm != nil {
			m.engine = newEngine(m.lm, o.Slots, o.Queue, &s.stats)
			s.engines.Go(func() { m.engine.run(ctx) })
		}
	}
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /v1/models": s.list, "POST /v1/completions": s.completions, "POST /v1/chat/completions": s.chatCompletions,
		"POST /v1/embeddings": s.embeddings, "POST /classify": s.classify, "POST /translate": s.translate, "POST /tokenize": s.tokenize,
		"GET /metrics": s.metrics,
	} {
		s.mux.Handle(pattern, s.guard(f))
	}
	s.mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-s.closing:
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		default:
			writeJSON(w, map[string]string{"status": "ok"})
		}
	})
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		w.Write(page)
	})
	return s, nil
}

// Drain says on /health that no more is taken; requests that come are refused.
func (s *Server) Drain() { close(s.closing) }

// Close ends the engines and the texts under way.
func (s *Server) Close() {
	s.stop()
	s.engines.Wait()
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// A refusal is an error with a status, as OpenAI's clients read it.
type refusal struct {
	status int
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Errorf(format, args...)}
}

// guard holds a request to the limits, and writes its error.
func (s *Server) guard(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, s.Body)
		err := s.admit(r)
		if err == nil {
			err = f(w, r)
		}
		status := http.StatusOK
		if err != nil {
			var known *refusal
			var large *http.MaxBytesError
			switch status = http.StatusInternalServerError; {
			case errors.As(err, &large):
				status, err = http.StatusRequestEntityTooLarge, fmt.Errorf("the request has more than %d bytes", large.Limit)
			case errors.As(err, &known):
				status = known.status
			}
			kind := "invalid_request_error"
			switch status {
			case http.StatusTooManyRequests:
				kind = "rate_limit_error"
				w.Header().Set("Retry-After", "1")
			case http.StatusInternalServerError, http.StatusServiceUnavailable:
				kind = "server_error"
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": err.Error(), "type": kind, "code": nil, "param": nil}})
		}
		s.stats.count(r.URL.Path, status)
	})
}

// admit refuses pages of other sites, requests without the key, and all while shutting down.
func (s *Server) admit(r *http.Request) error {
	select {
	case <-s.closing:
		return refuse(http.StatusServiceUnavailable, "the server is shutting down")
	default:
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
		return refuse(http.StatusForbidden, "a page of %s may not ask this server", origin)
	}
	if s.Key != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+s.Key)) != 1 {
		return refuse(http.StatusUnauthorized, "the API key is missing or wrong: send Authorization: Bearer KEY")
	}
	return nil
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) error {
	list := []any{}
	for _, m := range s.Models {
		list = append(list, map[string]any{"id": m.Name, "object": "model", "created": 0, "owned_by": "fragua"})
	}
	return writeJSON(w, map[string]any{"object": "list", "data": list})
}

// find returns the model that a request names; with one model it may be left out.
func (s *Server) find(name string) (*Model, error) {
	if name == "" && len(s.Models) == 1 {
		return s.Models[0], nil
	}
	if m := s.models[name]; m != nil {
		return m, nil
	}
	return nil, refuse(http.StatusNotFound, "there is no model %q; /v1/models lists them", name)
}

// read decodes a request; fields that are not known are refused, not ignored.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return err
		}
		return refuse(http.StatusBadRequest, "the request is not what is expected: %v", err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
