package routing

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArgumentDifferences(t *testing.T) {
	t.Parallel()
	wanted := Arguments{"x-a": "same", "x-b": int64(1), "x-c": int64(1_000_000), "x-lacking": "here"}
	has := map[string]any{"x-a": "same", "x-b": json.Number("2"), "x-c": json.Number("1000000"), "x-more": true}
	var texts []string
	for _, d := range wanted.Differences(has) {
		texts = append(texts, d.String())
	}
	assert.Equal(t, []string{
		"x-b: want 1, have 2",
		"x-lacking: want here, have none",
		"x-more: want none, have true",
	}, texts)
	assert.Empty(t, Arguments(nil).Differences(nil))
	assert.Empty(t, wanted.Differences(wanted))
}
