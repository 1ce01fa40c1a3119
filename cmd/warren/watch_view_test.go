package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/routing"
)

// aView is one of troubled facts.
func aView(t *testing.T, width, height int) *view {
	t.Helper()
	cfg := parsed(t, fiveQueues)
	o := troubled(t, cfg).overview(cfg, routing.Names{Prefix: "warren"}, alerting{})
	return &view{title: "RabbitMQ 4.3.6 at amqp://rabbit/", now: looked.Add(time.Second), o: o, width: width, height: height, unicode: true}
}

func drawn(v *view) string { return strings.Join(v.lines(), "\n") + "\n" }

func TestView(t *testing.T) {
	t.Parallel()
	assert.Equal(t, `RabbitMQ 4.3.6 at amqp://rabbit/                                                                            06:00:01
no leader since 05:59:00 (vm:7:ab01), 2 parked, q quits

QUEUE            READY  RUNNING  IN/S  DONE/S  FAIL %   WAIT    RUN  DEAD  CONSUMERS  DONE, 5 MIN           PAUSED
import               3        0   0.0     0.0       -      -      -     0         !0
later                -        -     -     0.0       -      -      -     -         !-
email            !1204       20  52.2    31.0    !9.0  1.36s  1.82s   !12          2  ▂▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃█▄
report               7        -     -     0.0     0.0  !2h2m   3m0s     -          1                  █
warren.unrouted     !2        0   0.0     0.0       -      -      -     -          0
idle                 0        -     -     0.0       -      -      -     -          0                        by alice

! no scheduler leads: 2 entries of the schedule do not fire
  start a scheduler; warren schedule ls tells who led last
! import: no worker consumes the queue
  start a worker for it: worker --queue import
! later: the queue does not exist: no worker has begun to consume it
  start a worker for it: worker --queue later
! email: 1204 tasks wait for a worker (limit 1000)
  start more workers, or raise queues.email.concurrency, where the machines are not busy
! email: 9 % of 66 attempts failed in the last 5m (limit 5 %)
  warren history --since 5m --queue email --event retried --event dead
! email: 12 dead letters
  warren dead groups email
! report: tasks waited 2h1m30s on average in the last 5m (limit 5m)
  start more workers, or raise queues.report.concurrency, where the machines are not busy
! 2 tasks are parked: no queue wanted their keys
  warren dead groups --unrouted
`, drawn(aView(t, 116, 40)))
	assert.Equal(t, `RabbitMQ 4.3.6 at amqp://rabbit/                    06:00:01
no leader since 05:59:00 (vm:7:ab01), 2 parked, q quits

QUEUE            READY  RUNNING  DONE/S  FAIL %   WAIT  DEAD
import               3        0     0.0       -      -     0
later                -        -     0.0       -      -     -
email            !1204       20    31.0    !9.0  1.36s   !12
report               7        -     0.0     0.0  !2h2m     -
warren.unrouted     !2        0     0.0       -      -     -
idle                 0        -     0.0       -      -     -

! no scheduler leads: 2 entries of the schedule do not fire
! import: no worker consumes the queue
... 6 more: warren queues --check
`, drawn(aView(t, 60, 14)), "columns go, and remedies")
	assert.Equal(t, `RabbitMQ 4.3.6 at a…  06:00:01
no leader since 05:59:00 (vm:…

QUEUE   READY  FAIL %  DEAD
import      3       -     0
... 5 more

! no scheduler leads: 2 entri…
... 7 more: warren queues --c…
`, drawn(aView(t, 30, 9)), "and queues")

	v := aView(t, 80, 3)
	v.take(look{at: looked.Add(4 * time.Second), err: errors.New("depth of queues: not connected")})
	v.take(look{at: looked.Add(9 * time.Second), err: errors.New("dial tcp:\nconnection refused")})
	v.unicode, v.now = false, looked.Add(10*time.Second)
	assert.Equal(t, `RabbitMQ 4.3.6 at amqp://rabbit/                                        06:00:10
RabbitMQ is away since 06:00:04, last numbers of 06:00:00: dial tcp: connection…

`, drawn(v))
	o := v.o
	o.report.Findings, o.statsErr, o.windowErr = nil, errors.ErrUnsupported, errHistoryOff
	v.take(look{at: looked.Add(11 * time.Second), o: o})
	assert.Equal(t, "no leader since 05:59:00 (vm:7:ab01), 2 parked, management API away, history un…", v.lines()[1])
	assert.Equal(t, "reading …", (&view{width: 80, height: 24, now: looked}).lines()[1])

	v = aView(t, 116, 40)
	v.colour = true
	text := drawn(v)
	assert.Contains(t, text, "  "+red+"!0"+plain+"\n", "no worker")
	assert.Contains(t, text, "  "+yellow+"!1204"+plain+"  ")
	assert.Contains(t, text, "\n"+red+"! import: no worker consumes the queue"+plain+"\n"+dim+"  start a worker for it: worker --queue import"+plain+"\n")
}

// What is drawn fits, however small the screen is and whatever the queues are called.
func TestViewFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		v := aView(t, rapid.IntRange(1, 160).Draw(rt, "width"), rapid.IntRange(1, 50).Draw(rt, "height"))
		for range rapid.IntRange(0, 30).Draw(rt, "more queues") {
			s := v.o.queues[rapid.IntRange(0, len(v.o.queues)-1).Draw(rt, "like")]
			s.Queue = rapid.StringOf(rapid.RuneFrom([]rune("aé帳票\U0001F407"))).Draw(rt, "name")
			v.o.queues = append(v.o.queues, s)
		}
		if rapid.Bool().Draw(rt, "away") {
			v.away = errors.New("dial tcp:\nconnection refused")
		}
		if rapid.Bool().Draw(rt, "first") {
			v.o = nil
		}
		lines := v.lines()
		assert.LessOrEqual(rt, len(lines), v.height)
		for _, line := range lines {
			if wide := max(v.width, 12); runewidth.StringWidth(line) > wide { // QUEUE and READY stay
				assert.Failf(rt, "too wide", "%d: %q", v.width, line)
			}
		}
	})
}

func TestSparkLine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, " ▁▂▃▄▅▆▇█", sparkLine([]int{0, 1, 2, 3, 4, 5, 6, 7, 8}))
	assert.Equal(t, "▁ █", sparkLine([]int{1, 0, 1_000_000}))
	assert.Equal(t, "  ", sparkLine([]int{0, 0}))
	assert.Empty(t, sparkLine(nil))
}

func TestMean(t *testing.T) {
	t.Parallel()
	for ms, want := range map[float64]string{
		0: "0s", 0.004: "4µs", 7.3321: "7.33ms", 14.15: "14.2ms", 999.6: "1s", 2042: "2.04s", 59_990: "1m0s", 61_400: "1m1s", 7_290_000: "2h2m",
	} {
		assert.Equal(t, want, mean(&ms), ms)
	}
}
