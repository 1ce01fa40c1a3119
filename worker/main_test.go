//go:build !integration

package worker

import (
	"testing"

	"go.uber.org/goleak"
)

// With the tag, brokertest.Main does the same.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
