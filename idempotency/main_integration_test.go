//go:build integration

package idempotency_test

import (
	"testing"

	"github.com/warrenmq/warren/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
