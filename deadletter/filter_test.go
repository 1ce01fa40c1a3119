package deadletter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

func TestFilter(t *testing.T) {
	r := deadletter.Record{
		ID: "7", Key: "email.welcome", Reason: tasks.ReasonPermanent, Error: "dial: Connection refused", FailedAt: failedAt, Schedule: "daily",
	}
	parked := deadletter.Record{ID: "8", Key: "nobody.wants"}
	opened := func(*deadletter.Record) string { return "no such user" }
	for name, test := range map[string]struct {
		filter         deadletter.Filter
		letter, parked bool // are chosen
	}{
		"all":              {deadletter.Filter{}, true, true},
		"limit":            {deadletter.Filter{Limit: 1}, true, true},
		"error":            {deadletter.Filter{Error: "cONNECTION"}, true, false},
		"another error":    {deadletter.Filter{Error: "timeout"}, false, false},
		"decrypted error":  {deadletter.Filter{Error: "user", ErrorText: opened}, true, true},
		"encrypted error":  {deadletter.Filter{Error: "refused", ErrorText: opened}, false, false},
		"since then":       {deadletter.Filter{Since: failedAt}, true, false},
		"since later":      {deadletter.Filter{Since: failedAt.Add(time.Second)}, false, false},
		"before then":      {deadletter.Filter{Before: failedAt}, false, false},
		"before later":     {deadletter.Filter{Before: failedAt.Add(1)}, true, false},
		"between":          {deadletter.Filter{Since: failedAt.Add(-1), Before: failedAt.Add(1)}, true, false},
		"schedule":         {deadletter.Filter{Schedule: "daily"}, true, false},
		"another schedule": {deadletter.Filter{Schedule: "dail"}, false, false},
		"one that fails":   {deadletter.Filter{Schedule: "daily", Error: "refused", Reason: tasks.ReasonExpired}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.letter, test.filter.Match(&r))
			assert.Equal(t, test.parked, test.filter.Match(&parked))
			assert.Equal(t, name == "all" || name == "limit", test.filter.All())
		})
	}
}
