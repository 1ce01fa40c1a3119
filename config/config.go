package config

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

// DefaultFile is the configuration where neither a flag nor the environment names another.
const DefaultFile = "warren.yaml"

// The variables of the environment that this package reads by itself.
const (
	// EnvFile names the file.
	EnvFile = "WARREN_CONFIG"
	// EnvURL overrides broker.urls; where it is unset or empty, EnvFallbackURL does.
	EnvURL         = "WARREN_URL"
	EnvFallbackURL = "AMQP_URL"
)

// The default and the bounds of shutdown.grace.
const (
	DefaultGrace = 30 * time.Second
	MinGrace     = time.Millisecond
	MaxGrace     = day
)

// Config is a configuration that was read and checked, with its defaults filled in.
type Config struct {
	// File is the file as it was named.
	File string
	// Text is what stood in the file, where it was read from one.
	Text   []byte
	Broker Broker
	// Queues and Schedules are in the order of the file.
	Queues    []Queue
	Schedules []scheduler.Entry
	History   History
	Metrics   Metrics
	Shutdown  Shutdown
	// Encryption and Guard are what payloads are put through before they are published: the guard first.
	Encryption Encryption
	Guard      Guard
}

// Metrics is where a process tells about itself over HTTP.
type Metrics struct {
	// Listen is the address, host:port, that /healthz and /readyz are served at. Empty: none.
	Listen string
}

// Shutdown is how a process stops.
type Shutdown struct {
	// Grace is how long what is under way may go on, MinGrace..MaxGrace. Defaults to DefaultGrace.
	Grace time.Duration
}

// Spec returns what the configuration asks of the topology.
func (c *Config) Spec() routing.Spec {
	spec := routing.Spec{Names: routing.Names{Prefix: c.Broker.Prefix}}
	for _, q := range c.Queues {
		spec.Queues = append(spec.Queues, routing.QueueSpec{Name: q.Name, Routes: q.Routes, Type: q.Type})
	}
	if c.History.Level != history.Off {
		spec.Streams = append(spec.Streams, c.History.stream(spec.Names))
	}
	if len(c.Schedules) > 0 {
		spec.Streams = append(spec.Streams, routing.ScheduleStream(spec.Names), routing.LeaseStream(spec.Names))
	}
	return spec
}

// Locate returns the file to load: the flag's, else that of EnvFile, else DefaultFile. Empty
// counts as not given.
func Locate(flag string, getenv func(string) (string, bool)) string {
	env, _ := getenv(EnvFile)
	return cmp.Or(flag, env, DefaultFile)
}

// Load reads a file, with the variables of this process's environment. A file that cannot be read
// is an error of package os; the rest is as for [Parse].
func Load(path string) (*Config, error) { return LoadEnv(path, os.LookupEnv) }

// LoadEnv is [Load] with another environment.
func LoadEnv(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(path, data, getenv)
	if err != nil {
		return nil, err
	}
	c.Text = data
	return c, nil
}

// Parse reads a configuration. file is its name, for messages; getenv tells the variables of the
// environment as os.LookupEnv does. An empty file is a valid one.
//
// What is wrong is returned together, in the order of the file, joined by errors.Join: each error
// is a [*FieldError] and [ErrInvalid].
func Parse(file string, data []byte, getenv func(string) (string, bool)) (*Config, error) {
	in := &reading{name: file, getenv: getenv}
	c := &Config{
		File:     file,
		Broker:   Broker{Prefix: routing.DefaultPrefix},
		History:  History{Level: history.Outcomes, Retention: DefaultRetention, MaxSize: DefaultMaxSize},
		Shutdown: Shutdown{Grace: DefaultGrace},
	}
	if root := in.document(data); root != nil {
		in.value("", root.Line, root).config(c)
	}
	in.overrideURLs(&c.Broker)
	if err := in.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// config reads the whole file.
func (v value) config(c *Config) {
	var queues, schedules, payloads []value
	v.fields(map[string]func(value){
		"broker": func(v value) { v.broker(&c.Broker) },
		"queues": func(v value) {
			v.entries(func(name string, v value) {
				queues = append(queues, v)
				c.Queues = append(c.Queues, v.queue(name))
			})
		},
		"schedules": func(v value) {
			v.entries(func(name string, v value) {
				entry, payload := v.schedule(name)
				schedules, payloads = append(schedules, v), append(payloads, payload)
				c.Schedules = append(c.Schedules, entry)
			})
		},
		"history": func(v value) { v.history(&c.History) },
		"metrics": func(v value) {
			v.fields(map[string]func(value){"listen": func(v value) { v.listen(&c.Metrics.Listen) }})
		},
		"encryption": func(v value) { v.encryption(&c.Encryption) },
		"guard":      func(v value) { v.guard(&c.Guard) },
		"shutdown": func(v value) {
			v.fields(map[string]func(value){"grace": func(v value) { v.duration(&c.Shutdown.Grace, MinGrace, MaxGrace) }})
		},
	})
	for i, v := range queues { // now that the prefix is known
		if err := routing.ValidateQueue(c.Queues[i].Name, c.Broker.Prefix); err != nil {
			v.failWith(err)
		}
	}
	for i, v := range payloads { // now that the guard is
		e := c.Schedules[i]
		if e.Template != nil {
			e.Payload = e.Template.Source() // the names of its fields are those of what it is rendered to
		}
		if err := c.Guard.Check(&tasks.Task{Payload: e.Payload}); err != nil {
			v.failWith(err)
		}
	}
	for _, problem := range entryErrors(scheduler.ValidateIdentities(c.Schedules)) {
		i := slices.IndexFunc(c.Schedules, func(e scheduler.Entry) bool { return e.Name == problem.Entry })
		schedules[i].find("." + problem.Field).failWith(problem.Err)
	}
}

// listen reads an address to listen on.
func (v value) listen(to *string) {
	var text string
	if !v.text(&text) {
		return
	}
	_, port, err := net.SplitHostPort(text)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n == 0 {
		v.fail("%.80q is not an address, such as 127.0.0.1:9464 or :9464", text)
		return
	}
	*to = text
}
