package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestPlay(t *testing.T) {
	var permanent *tasks.PermanentError
	var snooze *tasks.SnoozeError
	for name, one := range map[string]struct {
		script    script
		attempt   int
		notBefore time.Time
		want      outcome
		as        any
		is        error
	}{
		"succeeds":        {script{}, 1, time.Time{}, succeeded, nil, nil},
		"fails":           {script{Fails: 1}, 1, time.Time{}, failed, nil, errScripted},
		"fails no more":   {script{Fails: 1}, 2, time.Now(), succeeded, nil, nil},
		"fails for good":  {script{Permanent: true}, 1, time.Time{}, ended, &permanent, nil},
		"snoozes":         {script{SnoozeMillis: 5}, 1, time.Time{}, snoozed, &snooze, nil},
		"snoozes no more": {script{SnoozeMillis: 5}, 1, time.Now(), succeeded, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := json.Marshal(one.script)
			require.NoError(t, err)
			got, err := play(t.Context(), &tasks.Task{Payload: body, Attempt: one.attempt, NotBefore: one.notBefore})
			assert.Equal(t, one.want, got)
			switch {
			case one.as != nil:
				assert.ErrorAs(t, err, one.as)
			case one.is != nil:
				assert.ErrorIs(t, err, one.is)
			default:
				assert.NoError(t, err)
			}
		})
	}
}

func TestPlayIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := play(ctx, &tasks.Task{Payload: []byte(`{"work_us": 60000000}`)})
	assert.Equal(t, cut, got)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestHandlerWritesAroundARun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	p, err := openPen(path, "w")
	require.NoError(t, err)
	h := player{pen: p}
	assert.NoError(t, h.handle(t.Context(), &tasks.Task{ID: "a", Attempt: 1, Payload: []byte(`{}`)}))
	assert.ErrorIs(t, h.handle(t.Context(), &tasks.Task{ID: "b", Attempt: 1, Payload: []byte(`not JSON`)}), errUnread)
	l, err := openLedger(path)
	require.NoError(t, err)
	defer l.close()
	require.NoError(t, l.read())
	require.Len(t, l.runs, 2)
	assert.Equal(t, succeeded, l.runs[0].outcome)
	assert.Equal(t, ended, l.runs[1].outcome)

	require.NoError(t, p.close())
	err = h.handle(t.Context(), &tasks.Task{ID: "c"})
	assert.Error(t, err, "what cannot be written fails")
	assert.NotErrorIs(t, err, errScripted)
}
