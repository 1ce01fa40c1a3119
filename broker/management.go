package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// management asks RabbitMQ's HTTP API for what AMQP does not tell. Everything in it is optional:
// without the API less is known, and nothing stops.
type management struct {
	base  string // without credentials and without a slash at its end; empty: not configured
	user  *url.Userinfo
	vhost string
	http  *http.Client
}

// managementTimeout bounds one request.
const managementTimeout = 5 * time.Second

// maxAnswerBytes bounds what is read of one answer.
const maxAnswerBytes = 64 << 20

func newManagement(cfg *Config) *management {
	m := &management{http: &http.Client{Timeout: managementTimeout}}
	if uri, err := amqp.ParseURI(cfg.URLs[0]); err == nil {
		m.vhost = uri.Vhost
	}
	if u, err := url.Parse(cfg.Management); err == nil && cfg.Management != "" {
		m.user, u.User = u.User, nil
		m.base = strings.TrimSuffix(u.String(), "/")
	}
	if cfg.TLS != nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = cfg.TLS.Clone()
		m.http.Transport = transport
	}
	return m
}

// get reads one answer into a value. The errors are [ErrNoManagement].
func (m *management) get(ctx context.Context, path string, into any) error {
	response, err := m.ask(ctx, path)
	if err != nil {
		return err
	}
	defer m.done(response)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: GET %s%s: %s", ErrNoManagement, m.base, path, response.Status)
	}
	return m.read(response, into)
}

// ask makes one request. Its answer, whatever its status, is to be given to done.
func (m *management) ask(ctx context.Context, path string) (*http.Response, error) {
	if m.base == "" {
		return nil, fmt.Errorf("%w: broker.management is not configured", ErrNoManagement)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoManagement, err)
	}
	if m.user != nil {
		password, _ := m.user.Password()
		request.SetBasicAuth(m.user.Username(), password)
	}
	response, err := m.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoManagement, err)
	}
	return response, nil
}

// done is done with an answer. Seldom asked, the API's connections are not kept open.
func (m *management) done(response *http.Response) {
	response.Body.Close()
	m.http.CloseIdleConnections()
}

// read decodes an answer.
func (m *management) read(response *http.Response, into any) error {
	decoder := json.NewDecoder(io.LimitReader(response.Body, maxAnswerBytes))
	decoder.UseNumber() // 1000000 is to be shown so, not as 1e+06
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%w: GET %s%s: %w", ErrNoManagement, m.base, response.Request.URL.RequestURI(), err)
	}
	return nil
}

// nodes returns the number of nodes of the cluster, 0 where nobody can be asked.
func (m *management) nodes(ctx context.Context) int {
	var nodes []struct{}
	if err := m.get(ctx, "/api/nodes?columns=name", &nodes); err != nil {
		return 0
	}
	return len(nodes)
}

// queuePath is the API's path of a queue.
func (m *management) queuePath(queue string) string {
	return "/api/queues/" + url.PathEscape(m.vhost) + "/" + url.PathEscape(queue)
}

// differences lists the arguments in which a queue differs from what was wanted. It is empty where
// nobody can be asked.
func (m *management) differences(ctx context.Context, queue string, wanted amqp.Table) []string {
	var has struct {
		Arguments map[string]any `json:"arguments"`
	}
	if err := m.get(ctx, m.queuePath(queue), &has); err != nil {
		return nil
	}
	var differences []string
	for _, d := range routing.Arguments(wanted).Differences(has.Arguments) {
		differences = append(differences, d.String())
	}
	return differences
}
