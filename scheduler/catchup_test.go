package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCatchUpDefaults(t *testing.T) {
	for given, want := range map[CatchUp]CatchUp{
		{}:                                {Policy: CatchUpLast},
		{Policy: CatchUpNone}:             {Policy: CatchUpNone},
		{Policy: CatchUpAll}:              {CatchUpAll, 100, time.Second},
		{Policy: CatchUpAll, Max: 7}:      {CatchUpAll, 7, time.Second},
		{CatchUpAll, 7, NoCatchUpSpacing}: {CatchUpAll, 7, NoCatchUpSpacing},
	} {
		assert.Equal(t, want, given.withDefaults())
		assert.Equal(t, want, want.withDefaults(), "once is enough")
		field, err := want.validate()
		assert.Empty(t, field)
		assert.NoError(t, err)
	}
}

func TestCatchUpDelay(t *testing.T) {
	c := CatchUp{CatchUpAll, 7, time.Minute}
	assert.Zero(t, c.Delay(0))
	assert.Equal(t, 3*time.Minute, c.Delay(3))
	c.Spacing = NoCatchUpSpacing
	assert.Zero(t, c.Delay(3))
}
