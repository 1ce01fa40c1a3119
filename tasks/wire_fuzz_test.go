package tasks_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// FuzzDecode reads messages of any content out of the fuzzer's bytes.
func FuzzDecode(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 1))
	for length := range 250 {
		seed := make([]byte, 4*length)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkMessage(t, (&input{data}).message()) })
}

// checkMessage holds what must hold of every message, whoever wrote it: reading it does not panic
// and tells what is malformed, and whatever became of reading it, it can be republished, read
// again, and is then the same work.
func checkMessage(t *testing.T, m tasks.Message) {
	before := fmt.Sprintf("%#v", m)
	checkReply(t, m)
	task, err := tasks.Decode(m, "work", now)
	if err != nil {
		var malformed *tasks.MalformedError
		require.ErrorAs(t, err, &malformed)
	}
	require.Equal(t, m.MessageID, task.ID)
	require.Equal(t, m.Body, task.Payload)
	require.Equal(t, "work", task.Queue)
	require.GreaterOrEqual(t, task.Attempt, 1)
	require.True(t, 0 <= task.Redeliveries && task.Redeliveries <= math.MaxInt32)
	for _, at := range []time.Time{task.EnqueuedAt, task.NotBefore, task.ExpiresAt} {
		require.True(t, at.IsZero() || at.Unix() >= 0, "%s", at)
	}
	if task.Settlement == math.MaxInt32 || task.Attempt == math.MaxInt32 {
		return // cannot be raised
	}

	failed := tasks.Failure{Err: fmt.Errorf("%w: boom", tasks.ErrPanic), At: now, Worker: "worker-1"}
	again := checkAgain(t, m, task, err, tasks.Republish(m, &task, "warren"))
	require.Equal(t, task.Redeliveries, again.Redeliveries)
	redelivered := checkAgain(t, m, task, err, tasks.RedeliveredMessage(m, &task, "warren", now.Add(time.Hour)))
	require.Equal(t, task.Redeliveries, redelivered.Redeliveries)
	require.Equal(t, task.Attempt, redelivered.Attempt)
	require.False(t, redelivered.NotBefore.Before(now.Add(time.Hour)))
	snoozed := checkAgain(t, m, task, err, tasks.RetryMessage(m, &task, "warren", now.Add(time.Hour), nil))
	require.Zero(t, snoozed.Redeliveries)
	require.Equal(t, task.Attempt, snoozed.Attempt)
	require.False(t, snoozed.NotBefore.Before(now.Add(time.Hour)))
	retried := checkAgain(t, m, task, err, tasks.RetryMessage(m, &task, "warren", time.Time{}, &failed))
	require.Equal(t, task.Attempt+1, retried.Attempt)
	require.Zero(t, retried.Redeliveries)
	require.Zero(t, retried.NotBefore)
	require.Contains(t, retried.Errors[len(retried.Errors)-1], "boom")
	dead := tasks.DeadMessage(m, &task, "warren", tasks.ReasonPermanent, failed, true)
	read := checkAgain(t, m, task, err, dead)
	require.Equal(t, task.Redeliveries, read.Redeliveries)
	require.Equal(t, "permanent", dead.Headers[tasks.HeaderDeadReason])

	require.Equal(t, before, fmt.Sprintf("%#v", m), "the message itself stays as it was")
}

// checkReply holds what must hold of every message in a reply queue: it is malformed, or it tells one thing, within
// bounds; and what tells it again is read as the same.
func checkReply(t *testing.T, m tasks.Message) {
	reply, progress, err := tasks.ReadReply(m)
	task := &tasks.Task{ID: "1", ReplyTo: "replies"}
	var malformed *tasks.MalformedError
	var remote *tasks.RemoteError
	switch {
	case errors.As(err, &malformed):
		require.Zero(t, reply)
		require.Nil(t, progress)
	case errors.As(err, &remote):
		require.Zero(t, reply)
		require.Nil(t, progress)
	case progress != nil:
		require.NoError(t, err)
		require.True(t, 0 <= progress.Percent && progress.Percent <= 100)
		_, again, err := tasks.ReadReply(tasks.ProgressMessage(task, *progress))
		require.NoError(t, err)
		require.Equal(t, progress, again)
	default:
		require.NoError(t, err)
		again, _, err := tasks.ReadReply(tasks.ReplyMessage(task, tasks.Decision{
			Action: tasks.Ack, Result: &tasks.Result{ContentType: m.ContentType, Body: m.Body},
		}))
		require.NoError(t, err)
		require.Equal(t, m.Body, reply.Body)
		require.Equal(t, reply.Body, again.Body)
		require.Equal(t, cmp.Or(m.ContentType, tasks.DefaultContentType), again.ContentType)
	}
}

// checkAgain reads a republished message, and checks that it is the same work once more.
func checkAgain(t *testing.T, m tasks.Message, task tasks.Task, malformed error, again tasks.Message) tasks.Task {
	require.Equal(t, "warren", again.UserID)
	require.Empty(t, again.Expiration)
	require.NotEmpty(t, again.MessageID)
	require.NotZero(t, again.Priority)
	require.Equal(t, m.Body, again.Body)
	got, err := tasks.Decode(again, "work", now.Add(time.Minute))
	if malformed == nil {
		require.NoError(t, err)
		require.Equal(t, task.ExpiresAt.Truncate(time.Millisecond).UTC(), got.ExpiresAt.UTC())
	}
	require.Equal(t, task.Key, got.Key)
	require.Equal(t, task.Settlement+1, got.Settlement)
	require.False(t, again.CountedByQueue())
	for _, text := range got.Errors {
		require.True(t, utf8.ValidString(text))
		require.LessOrEqual(t, len(text), tasks.MaxErrorsItemBytes)
	}
	for name, value := range task.Headers {
		if name != "CC" && name != "BCC" && !strings.HasPrefix(name, tasks.HeaderPrefix) {
			require.Equal(t, fmt.Sprintf("%#v", value), fmt.Sprintf("%#v", got.Headers[name]), name)
		}
	}
	if m.UserID != "" && m.UserID != "warren" {
		require.Equal(t, m.UserID, got.EnqueuedBy)
	}
	return got
}

// input is the fuzzer's bytes; past their end it reads zeros.
type input struct{ data []byte }

func (in *input) bytes(n int) []byte {
	taken := make([]byte, n)
	in.data = in.data[copy(taken, in.data):]
	return taken
}

func (in *input) number() int64 { return int64(binary.BigEndian.Uint64(in.bytes(8))) }

func (in *input) choice(n int) int { return int(in.bytes(1)[0]) % n }

func (in *input) text() string {
	texts := []string{"", "warren", "bob", "\xff", "7", "60000", "2026-11-22T06:00:00+09:00", idAt(now)}
	if i := in.choice(2 * len(texts)); i < len(texts) {
		return texts[i]
	}
	return string(in.bytes(in.choice(256)))
}

// body is some bytes, or what a task tells of its progress.
func (in *input) body() []byte {
	n := in.choice(16)
	if n < 9 {
		return in.bytes(n)
	}
	return []byte([]string{"null", "[]", `{"percent":`, `{"percent":-1}`, `{"percent":1e300,"note":"x"}`, `{"percent":40.5,"note":"` + in.text() + `"}`, `{"percent":"4"}`}[n-9])
}

func (in *input) message() tasks.Message {
	ladder := strings.Repeat("0.", 14)
	m := tasks.Message{
		RoutingKey:  []string{"", "email", ladder + "r.email", ladder + "r."}[in.choice(4)],
		ContentType: in.text(), Priority: in.bytes(1)[0], Expiration: in.text(), MessageID: in.text(), UserID: in.text(),
		Body: in.body(),
	}
	if seconds := in.number(); seconds != 0 {
		m.Timestamp = time.Unix(seconds, 0)
	}
	if i := in.choice(8); i < 3 {
		m.SetHeader(tasks.HeaderStatus, []string{tasks.StatusOK, tasks.StatusError, tasks.StatusProgress}[i])
	}
	names := []string{"x-death", "x-delivery-count", "x-acquired-count", "x-first-death-queue", "x-last-death-reason", "CC", "BCC", "cc", "Warren-Attempt", "warren-x",
		tasks.HeaderDeadReason, tasks.HeaderError, in.text()}
	for _, h := range wireHeaders {
		names = append(names, h.name)
	}
	for range in.choice(len(names)) {
		m.SetHeader(names[in.choice(len(names))], in.value(2))
	}
	return m
}

// value returns a value of any type that an AMQP table may hold, nested so deep at most.
func (in *input) value(depth int) any {
	switch n := in.number(); in.choice(20) {
	case 0:
		return int8(n)
	case 1:
		return int16(n)
	case 2:
		return int32(n)
	case 3:
		return uint8(n)
	case 4:
		return uint16(n)
	case 5:
		return uint32(n)
	case 6:
		return uint64(n)
	case 7:
		return math.Float32frombits(uint32(n))
	case 8:
		return math.Float64frombits(uint64(n))
	case 9:
		return n%2 == 0
	case 10:
		return time.Unix(n, 0)
	case 11:
		return []byte(in.text())
	case 12:
		return nil
	case 13:
		return n
	case 14, 15:
		list := []any{}
		for i := in.choice(16); i > 0 && depth > 0; i-- {
			list = append(list, in.value(depth-1))
		}
		return list
	case 16:
		return map[string]any{in.text(): n}
	case 17:
		return n % 1000
	default:
		return in.text()
	}
}
