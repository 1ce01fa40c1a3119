package deploy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpressions(t *testing.T) {
	all, err := Expressions(2 * time.Second)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, e := range all {
		assert.NotContains(t, e.Text, "$", e.Panel)
	}
	assert.Equal(t, "Overview: Backlog", all[0].Panel)
	assert.Equal(t, `sum(rate(warren_tasks_total{installation=~".*", queue=~".*", outcome="succeeded"}[2000ms]))`, all[2].Text)
}
