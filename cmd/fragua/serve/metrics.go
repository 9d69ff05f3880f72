package serve

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

// stats counts what /metrics tells.
type stats struct {
	tokens atomic.Int64
	mu     sync.Mutex
	by     map[[2]string]int64 // requests by path and status
}

func (s *stats) count(path string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[[2]string]int64{}
	}
	s.by[[2]string{path, fmt.Sprint(status)}]++
}

// metrics writes Prometheus' text format.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	fmt.Fprint(w, "# HELP fragua_requests_total Requests by path and status.\n# TYPE fragua_requests_total counter\n")
	s.stats.mu.Lock()
	var lines []string
	for k, n := range s.stats.by {
		lines = append(lines, fmt.Sprintf("fragua_requests_total{path=%q,status=%q} %d\n", k[0], k[1], n))
	}
	s.stats.mu.Unlock()
	slices.Sort(lines)
	for _, l := range lines {
		fmt.Fprint(w, l)
	}
	fmt.Fprintf(w, "# HELP fragua_tokens_total Tokens that were generated.\n# TYPE fragua_tokens_total counter\nfragua_tokens_total %d\n", s.stats.tokens.Load())
	fmt.Fprint(w, "# HELP fragua_queue_length Texts that wait.\n# TYPE fragua_queue_length gauge\n")
	for _, m := range s.models {
		if m.engine != nil {
			fmt.Fprintf(w, "fragua_queue_length{model=%q} %d\n", m.Name, len(m.engine.queue))
		}
	}
	return nil
}
