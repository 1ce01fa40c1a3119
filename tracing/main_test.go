//go:build integration

package tracing_test

import (
	"testing"

	"github.com/warrenmq/warren/internal/brokertest"
)

func TestMain(m *testing.M) { brokertest.Main(m) }
