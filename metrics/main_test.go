//go:build integration

package metrics

import (
	"testing"

	"github.com/warrenmq/warren/internal/brokertest"
)

func TestMain(m *testing.M) { brokertest.Main(m) }
