package deadletter_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

// A failure is told although the sifting is over with the letter's answer, and also where it has been
// ended while the letter was under way.
func TestReplayFailuresAtTheEnd(t *testing.T) {
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"of the sifting":  func() (context.Context, context.CancelFunc) { return t.Context(), func() {} },
		"by the operator": func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := ctx()
			s := &lastLetter{message: emailLetters(t, "1")[0], cancel: cancel}
			counts, err := deadletter.Replay(ctx, s, s, deadletter.ReplayConfig{Sweep: deadletter.Sweep{Queue: "email.dead"}})
			require.NoError(t, err)
			assert.Equal(t, deadletter.Counts{Seen: 1, Failed: 1}, counts)
		})
	}
}

// lastLetter is a queue with one letter, whose answer is not done before all that it ends has ended, and
// a publisher that refuses it once something was to be ended.
type lastLetter struct {
	message tasks.Message
	cancel  context.CancelFunc
	while   context.Context
}

func (s *lastLetter) Sift(_ context.Context, _ string, _ int, each func(*tasks.Letter) bool) (int, error) {
	answered := make(chan struct{})
	each(tasks.NewLetter(s.message, nil, func(bool) error {
		close(answered)
		<-s.while.Done()
		return nil
	}))
	<-answered
	return 0, nil
}

func (s *lastLetter) PublishWhile(_, while context.Context, _ tasks.Message) error {
	s.while = while
	s.cancel()
	return fault{ofMessage: true}
}
