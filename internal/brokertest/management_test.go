package brokertest

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestGuessManagement(t *testing.T) {
	for url, want := range map[string]string{
		"amqp://guest:guest@127.0.0.1:5672/": "http://guest:guest@127.0.0.1:15672",
		"amqp://u:p@rabbit.example:5673/v":   "http://u:p@rabbit.example:15672",
		"amqps://u:p@rabbit.example/":        "https://u:p@rabbit.example:15671",
		"amqp://rabbit.example":              "http://guest:guest@rabbit.example:15672",
		"amqp://u:p@[::1]/":                  "http://u:p@[::1]:15672",
	} {
		if got, err := guessManagement(url); got != want || err != nil {
			t.Errorf("guessManagement(%s) = %s, %v, want %s", url, got, err, want)
		}
	}
}

func TestVhostRequests(t *testing.T) {
	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		requests = append(requests, strings.Join([]string{r.Method, r.URL.EscapedPath(), user + ":" + password, string(body)}, " "))
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	b := &Broker{URL: "amqp://us%2Fer:pw@127.0.0.1:5672/", Management: strings.Replace(server.URL, "http://", "http://us%2Fer:pw@", 1)}
	v, err := b.NewVhost(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	if want := "amqp://us%2Fer:pw@127.0.0.1:5672/a%2Fb"; v.URL != want {
		t.Errorf("URL %s, want %s", v.URL, want)
	}
	if err := v.Delete(t.Context()); err != nil {
		t.Errorf("Delete of one that is gone: %v", err)
	}
	want := []string{
		`PUT /api/vhosts/a%2Fb us/er:pw {}`,
		`PUT /api/permissions/a%2Fb/us%2Fer us/er:pw {"configure":".*","read":".*","write":".*"}`,
		`DELETE /api/vhosts/a%2Fb us/er:pw `,
	}
	if !slices.Equal(requests, want) {
		t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(requests, "\n"), strings.Join(want, "\n"))
	}
}

func TestVhostNeedsManagement(t *testing.T) {
	b := &Broker{URL: defaultURL}
	if _, err := b.NewVhost(t.Context(), "v"); err == nil {
		t.Error("a virtual host was made without a management API")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"not_authorised"}`, http.StatusUnauthorized)
	}))
	defer server.Close()
	b.Management = server.URL
	if _, err := b.NewVhost(t.Context(), "v"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error %v, want the answer 401", err)
	}
}

func TestFoundBrokerIsNotOurs(t *testing.T) {
	b := &Broker{URL: defaultURL, Flavour: Found}
	for name, do := range map[string]func() error{
		"Stop":   func() error { return b.Stop(t.Context()) },
		"Start":  func() error { return b.Start(t.Context()) },
		"Kill":   func() error { return b.Kill(t.Context()) },
		"Detach": func() error { return b.Detach(t.Context()) },
	} {
		if err := do(); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v, want ErrNotOurs", name, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
