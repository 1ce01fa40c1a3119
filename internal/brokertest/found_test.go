package brokertest

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNamedMustAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		want        string // empty: nothing is named
	}{
		"nothing":          {nil, ""},
		"WARREN_URL":       {map[string]string{"WARREN_URL": "amqp://u:secret@127.0.0.1:1/"}, "WARREN_URL amqp://u:xxxxx@127.0.0.1:1/ does not answer"},
		"AMQP_URL":         {map[string]string{"AMQP_URL": "amqp://u:secret@127.0.0.1:1/"}, "AMQP_URL amqp://u:xxxxx@127.0.0.1:1/ does not answer"},
		"WARREN_URL first": {map[string]string{"AMQP_URL": "amqp://127.0.0.1:1/", "WARREN_URL": "amqp://127.0.0.1:2/"}, "WARREN_URL amqp://127.0.0.1:2/"},
		"no URL":           {map[string]string{"WARREN_URL": "amqp://u:secret@ho st"}, "not an amqp:// or amqps:// address"},
		"another protocol": {map[string]string{"WARREN_URL": "http://u:secret@127.0.0.1/"}, "not an amqp:// or amqps:// address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := named(t.Context(), func(key string) string { return test.environment[key] })
			if err == nil {
				t.Fatal("a broker was had")
			}
			if permanent := errors.As(err, &permanentError{}); permanent != (test.want != "") {
				t.Errorf("permanent = %v: %v", permanent, err)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want …%s", err, test.want)
			}
		})
	}
}

// A port on which something else listens is not taken for a broker, and does not hold us up.
func TestHandshakeWithStrangers(t *testing.T) {
	for name, test := range map[string]struct {
		greet string
		limit time.Duration
	}{
		"silent":          {"", 200 * time.Millisecond},
		"another service": {"HTTP/1.1 400 Bad Request\r\n\r\n", 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			url := "amqp://guest:guest@" + stranger(t, test.greet) + "/"
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			if _, err := handshake(ctx, url); err == nil {
				t.Error("taken for a broker")
			}
		})
	}
}

// stranger serves one connection: it says its greeting and nothing more.
func stranger(t *testing.T, greeting string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Write([]byte(greeting))
		buffer := make([]byte, 64)
		for err == nil {
			_, err = conn.Read(buffer)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wait.Wait()
	})
	return listener.Addr().String()
}
