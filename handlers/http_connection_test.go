package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// serveConnections starts a service below HTTP, which is given each connection in turn with its
// number, from 1, and returns its URL. The connections are closed after use.
func serveConnections(t *testing.T, f func(n int, conn net.Conn, requests *bufio.Reader)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 1; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f(n, conn, bufio.NewReader(conn))
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		<-ended
	})
	return "http://" + listener.Addr().String()
}

// take reads a whole request and returns the ID of its task.
func take(requests *bufio.Reader) (id string, err error) {
	r, err := http.ReadRequest(requests)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return r.Header.Get("Warren-Task-Id"), err
}

// A service that closes a connection which it kept, at the moment when it is used, costs no attempt.
func TestHTTPSendsAgainWhatMetAClosedConnection(t *testing.T) {
	for name, closeIt := range map[string]func(conn net.Conn){
		"closed": func(net.Conn) {},
		"reset":  func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) },
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 10)
			url := serveConnections(t, func(n int, conn net.Conn, requests *bufio.Reader) {
				for i := range 2 {
					id, err := take(requests)
					if err != nil {
						return // the handler has closed it
					}
					got <- fmt.Sprintf("%d: %s", n, id)
					if n == 1 && i == 1 {
						closeIt(conn)
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			})
			h := post(t, HTTPConfig{URL: url})
			require.NoError(t, h.HandleTask(t.Context(), &tasks.Task{ID: "a", Payload: []byte("{}")}))
			require.NoError(t, h.HandleTask(t.Context(), &tasks.Task{ID: "b", Payload: []byte("{}")}))
			assert.Equal(t, []string{"1: a", "1: b", "2: b"}, []string{<-got, <-got, <-got})
			h.Close()
		})
	}
}

// A task that its service does not survive is sent once an attempt.
func TestHTTPDoesNotSendAgainOnANewConnection(t *testing.T) {
	asked := make(chan struct{}, 10)
	url := serveConnections(t, func(_ int, _ net.Conn, requests *bufio.Reader) {
		_, _ = take(requests)
		asked <- struct{}{}
	})
	err := post(t, HTTPConfig{URL: url}).HandleTask(t.Context(), &tasks.Task{})
	require.ErrorIs(t, err, io.EOF)
	assert.Equal(t, retried, kind(err))
	assert.Len(t, asked, 1)
}

func TestHTTPOfAServiceThatDoesNotSpeakWell(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, test := range map[string]struct {
		answer string
		want   string // the outcome
		text   string
	}{
		"an answer":                {ok, done, ""},
		"hints before":             {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, done, ""},
		"hints without end":        {strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n", 1000), retried, "exceeded"},
		"headers without end":      {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 1000), retried, "server response headers exceeded 65536 bytes"},
		"not HTTP":                 {"220 mail.example ESMTP\r\n", retried, "malformed HTTP"},
		"nothing":                  {"", retried, "EOF"},
		"broken off in the status": {"HTTP/1.1 2", retried, "malformed HTTP status code"},
		"broken off in a header":   {"HTTP/1.1 200 OK\r\nContent-Le", retried, "malformed MIME header"},
		"broken off in the body":   {"HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nhalf", retried, "500 Internal Server Error: half"},
		"of a success":             {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", done, ""},
		"205 with a body":          {"HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok", done, ""},
		"304":                      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", permanent, "304 Not Modified"},
		"a status of 099":          {"HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n", retried, "99"},
		"two times to try again":   {"HTTP/1.1 503 No\r\nRetry-After: 5\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", postponed, "503"},
		"compressed, unasked":      {"HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08", permanent, "400 Bad Request"},
		"a body for a terminal":    {"HTTP/1.1 400 No\r\nContent-Length: 6\r\n\r\n\x1b[2Jno", permanent, "400 Bad Request: \x1b[2Jno"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveConnections(t, func(_ int, conn net.Conn, requests *bufio.Reader) {
				_, _ = take(requests)
				_, _ = io.WriteString(conn, test.answer)
			})
			h := post(t, HTTPConfig{URL: url})
			err := h.HandleTask(t.Context(), &tasks.Task{Payload: []byte("{}")})
			assert.Equal(t, test.want, kind(err), "%+v", err)
			if test.want != done {
				assert.ErrorContains(t, err, test.text)
			}
			h.Close()
		})
	}
}

// Neither slow headers nor a body without end, fast or slow, hold a task beyond its time.
func TestHTTPOfAServiceWithoutEnd(t *testing.T) {
	for name, test := range map[string]struct {
		begin, more string
		want        error
	}{
		"headers, one byte a time":        {"HTTP/1.1 200 OK\r\nX: ", "x", context.DeadlineExceeded},
		"a success's body, one at a time": {"HTTP/1.1 200 OK\r\n\r\n", "x", nil},
		"an error's body, one at a time":  {"HTTP/1.1 500 No\r\n\r\n", "x", &StatusError{}},
		"a fast body":                     {"HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 64<<10), nil},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveConnections(t, func(_ int, conn net.Conn, requests *bufio.Reader) {
				_, _ = take(requests)
				_, _ = io.WriteString(conn, test.begin)
				for range time.Tick(time.Millisecond) {
					if _, err := io.WriteString(conn, test.more); err != nil {
						return // the handler has gone
					}
				}
			})
			err := post(t, HTTPConfig{URL: url, Timeout: 50 * time.Millisecond}).HandleTask(t.Context(), &tasks.Task{})
			var status *StatusError
			if errors.As(test.want, &status) {
				assert.ErrorAs(t, err, &status)
				return
			}
			assert.ErrorIs(t, err, test.want)
		})
	}
}

// A producer chooses what the headers of a request hold, and none of them.
func TestHTTPOfAHostileTask(t *testing.T) {
	headers := make(chan http.Header, 1)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header })
	task, err := tasks.Decode(tasks.Message{
		MessageID: "a\r\nX-Admin: yes\r\n\r\nGET / HTTP/1.1", RoutingKey: "k", ContentType: "text/plain\r\nX-Admin: yes", ContentEncoding: "\x00",
		Headers: map[string]any{
			"authorization": "Basic x", "host": "evil", "warren-host": "evil", "x-admin": "yes", "idempotency-key": "x",
			tasks.HeaderSchedule: "é\x00\x7f", tasks.HeaderTraceParent: "00\r\nX-Admin: yes", tasks.HeaderTraceState: "\x01",
		},
	}, "q", now)
	require.NoError(t, err)
	require.NoError(t, post(t, HTTPConfig{URL: url}).HandleTask(t.Context(), &task))
	assert.Equal(t, http.Header{
		"Content-Length":     {"0"},
		"User-Agent":         {"warren"},
		"Warren-Attempt":     {"1"},
		"Warren-Queue":       {"q"},
		"Warren-Routing-Key": {"k"},
		"Warren-Schedule":    {"%C3%A9%00%7F"},
		"Warren-Task-Id":     {"a%0D%0AX-Admin: yes%0D%0A%0D%0AGET / HTTP/1.1"},
	}, <-headers)
}
