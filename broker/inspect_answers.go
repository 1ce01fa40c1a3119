package broker

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/warrenmq/warren/routing"
)

// QueueInfo is a queue as the management API tells it. The numbers are up to 5 s old.
type QueueInfo struct {
	Name string `json:"name"`
	// Type is quorum, classic or stream; State is running where all is well.
	Type       string         `json:"type"`
	State      string         `json:"state"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Exclusive  bool           `json:"exclusive"`
	Arguments  map[string]any `json:"arguments"`
	// Policy and OperatorPolicy are the names of those that apply, Effective what both come to; its keys
	// have no x- before them. Numbers are json.Number.
	Policy         string         `json:"policy"`
	OperatorPolicy string         `json:"operator_policy"`
	Effective      map[string]any `json:"-"`
	Ready          int            `json:"messages_ready"`
	Unacked        int            `json:"messages_unacknowledged"`
	// DeadLettering are those that a quorum queue has given up and its dead-letter exchange has not
	// taken, of a queue with the strategy at-least-once.
	DeadLettering int `json:"messages_dlx"`
	Consumers     int `json:"consumers"`
	// Members are the nodes with a replica of a quorum queue or stream, Online those that run.
	Members []string `json:"members"`
	Online  []string `json:"online"`
}

// queueInfoColumns keeps the answer short.
const queueInfoColumns = "name,type,state,durable,auto_delete,exclusive,arguments,policy,operator_policy,effective_policy_definition," +
	"messages_ready,messages_unacknowledged,messages_dlx,consumers,members,online"

// queues asks for the queues of the virtual host.
func (m *management) queues(ctx context.Context) (a Answer[[]QueueInfo]) {
	var queues []struct {
		QueueInfo
		Effective any `json:"effective_policy_definition"` // a table, but [] where it is empty
	}
	a.Err = m.get(ctx, "/api/queues/"+url.PathEscape(m.vhost)+"?columns="+queueInfoColumns, &queues)
	for _, q := range queues {
		q.QueueInfo.Effective, _ = q.Effective.(map[string]any)
		a.Value = append(a.Value, q.QueueInfo)
	}
	return a
}

// ExchangeInfo is an exchange as the management API tells it.
type ExchangeInfo struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Internal   bool           `json:"internal"`
	Arguments  map[string]any `json:"arguments"`
}

const exchangeColumns = "name,type,durable,auto_delete,internal,arguments"

// BindingInfo is a binding as the management API tells it.
type BindingInfo struct {
	routing.Binding
	// Arguments are part of what a binding is: one that has some is another than one that has none.
	Arguments map[string]any
}

// bindings asks for the bindings of the virtual host, but for those to the default exchange.
func (m *management) bindings(ctx context.Context) (a Answer[[]BindingInfo]) {
	var bindings []struct {
		Source      string         `json:"source"`
		Destination string         `json:"destination"`
		Type        string         `json:"destination_type"`
		Key         string         `json:"routing_key"`
		Arguments   map[string]any `json:"arguments"`
	}
	a.Err = m.get(ctx, "/api/bindings/"+url.PathEscape(m.vhost), &bindings)
	for _, b := range bindings {
		if b.Source == "" {
			continue
		}
		a.Value = append(a.Value, BindingInfo{
			Binding:   routing.Binding{Source: b.Source, Destination: b.Destination, ToExchange: b.Type == "exchange", Key: b.Key},
			Arguments: b.Arguments,
		})
	}
	return a
}

// ConsumerInfo is a consumer as the management API tells it.
type ConsumerInfo struct {
	Queue string
	// User and Connection are who consumes, Connection as the console shows it.
	User       string
	Connection string
	// Acknowledges says that the broker waits for acknowledgements.
	Acknowledges bool
	Arguments    map[string]any
}

// consumers asks for the consumers of the virtual host.
func (m *management) consumers(ctx context.Context) (a Answer[[]ConsumerInfo]) {
	var consumers []struct {
		Queue struct {
			Name string `json:"name"`
		} `json:"queue"`
		Channel      any            `json:"channel_details"` // a table, but [] while the channel is young
		Acknowledges bool           `json:"ack_required"`
		Arguments    map[string]any `json:"arguments"`
	}
	a.Err = m.get(ctx, "/api/consumers/"+url.PathEscape(m.vhost), &consumers)
	for _, c := range consumers {
		channel, _ := c.Channel.(map[string]any)
		user, _ := channel["user"].(string)
		connection, _ := channel["connection_name"].(string)
		a.Value = append(a.Value, ConsumerInfo{
			Queue: c.Queue.Name, User: user, Connection: connection, Acknowledges: c.Acknowledges, Arguments: c.Arguments,
		})
	}
	return a
}

// NodeInfo is a node of the cluster as the management API tells it. One that does not run tells no more
// than its name.
type NodeInfo struct {
	Name        string   `json:"name"`
	Running     bool     `json:"running"`
	MemoryAlarm bool     `json:"mem_alarm"`
	DiskAlarm   bool     `json:"disk_free_alarm"`
	Partitions  []string `json:"partitions"`
}

const nodeColumns = "name,running,mem_alarm,disk_free_alarm,partitions"

// FeatureFlag is a feature flag: State is enabled or disabled, Stability stable, required or
// experimental.
type FeatureFlag struct {
	Name      string `json:"name"`
	State     string `json:"state"`
	Stability string `json:"stability"`
}

// PolicyInfo is a policy.
type PolicyInfo struct {
	Name       string         `json:"name"`
	Pattern    string         `json:"pattern"`
	ApplyTo    string         `json:"apply-to"`
	Priority   int            `json:"priority"`
	Definition map[string]any `json:"definition"`
}

// Permissions are the patterns of a user's permissions in a virtual host.
type Permissions struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

// Alarm is a resource of a node that has run short: memory or disk.
type Alarm struct {
	Node     string `json:"node"`
	Resource string `json:"resource"`
}

// alarms asks for the alarms that are in force.
func (m *management) alarms(ctx context.Context) (a Answer[[]Alarm]) {
	const path = "/api/health/checks/alarms"
	response, err := m.ask(ctx, path)
	if err != nil {
		a.Err = err
		return a
	}
	defer m.done(response)
	var health struct {
		Alarms []Alarm `json:"alarms"`
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		a.Err = fmt.Errorf("%w: GET %s%s: %s", ErrNoManagement, m.base, path, response.Status)
		return a
	}
	a.Err = m.read(response, &health)
	a.Value = health.Alarms
	return a
}
