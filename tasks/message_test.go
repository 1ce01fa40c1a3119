package tasks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

func TestSetHeader(t *testing.T) {
	t.Parallel()
	var m tasks.Message
	m.SetHeader("a", 1)
	m.SetHeader("a", 2)
	m.SetHeader("b", nil)
	assert.Equal(t, map[string]any{"a": 2, "b": nil}, m.Headers)
}

func TestClone(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email", Headers: map[string]any{"a": 1}, Body: []byte("body")}
	c := m.Clone()
	assert.Equal(t, m, c)
	c.SetHeader("a", 2)
	c.RoutingKey = "image"
	assert.Equal(t, tasks.Message{RoutingKey: "email", Headers: map[string]any{"a": 1}, Body: []byte("body")}, m)

	c = tasks.Message{}.Clone()
	c.SetHeader("a", 1)
	assert.Equal(t, map[string]any{"a": 1}, c.Headers, "a message without headers")
}
