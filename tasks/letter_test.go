package tasks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

func TestLetterIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first func(*tasks.Letter) error
		want  []bool
	}{
		"removed": {(*tasks.Letter).Remove, []bool{true}},
		"left":    {func(l *tasks.Letter) error { l.Leave(); return errBoom }, []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answers []bool
			l := tasks.NewLetter(tasks.Message{MessageID: "1"}, nil, func(remove bool) error {
				answers = append(answers, remove)
				return errBoom
			})
			assert.ErrorIs(t, tt.first(l), errBoom)
			assert.NoError(t, l.Remove())
			l.Leave()
			assert.Equal(t, tt.want, answers)
		})
	}
}
