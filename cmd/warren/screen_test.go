package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paper is a terminal that keeps what is written.
type paper struct {
	bytes.Buffer
	width, height int
	typed         chan byte
	changed       chan struct{}
	drawn         chan struct{} // a value after each frame
	restored      int
	err           error
}

func newPaper() *paper {
	return &paper{width: 80, height: 24, typed: make(chan byte), changed: make(chan struct{}), drawn: make(chan struct{}, 100)}
}

func (p *paper) Write(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	if strings.HasPrefix(string(b), beginFrame) {
		p.drawn <- struct{}{}
	}
	return p.Buffer.Write(b)
}
func (p *paper) size() (width, height int) { return p.width, p.height }
func (p *paper) keys() <-chan byte         { return p.typed }
func (p *paper) resized() <-chan struct{}  { return p.changed }
func (p *paper) restore()                  { p.restored++ }

func TestScreen(t *testing.T) {
	t.Parallel()
	p := newPaper()
	s := newScreen(p)
	require.NoError(t, s.draw([]string{"a", "b"}))
	p.height = 2
	require.NoError(t, s.draw([]string{"c", "d"}))
	s.close()
	assert.Equal(t, enterScreen+
		beginFrame+"\x1b[Ka\r\n\x1b[Kb\r\n\x1b[J"+endFrame+
		beginFrame+"\x1b[Kc\r\n\x1b[Kd"+endFrame+
		leaveScreen, p.String())
	assert.Equal(t, 1, p.restored)
}

// A watch draws each look and each new size, and ends with a key, its context, or its terminal.
func TestWatchScreen(t *testing.T) {
	t.Parallel()
	begin := func() (p *paper, looks chan look, stop context.CancelFunc, ended chan error) {
		p, looks, ended = newPaper(), make(chan look), make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		v := aView(t, 0, 0)
		v.o = nil
		go func() {
			ended <- watchScreen(ctx, newScreen(p), looks, func() time.Time { return looked }, *v)
		}()
		<-p.drawn
		return p, looks, cancel, ended
	}
	p, looks, stop, ended := begin()
	looks <- look{at: looked, o: aView(t, 0, 0).o}
	<-p.drawn
	p.width = 40 // nobody looks at it before it is told
	p.changed <- struct{}{}
	<-p.drawn
	p.typed <- 'x'
	<-p.drawn
	p.typed <- 'q'
	require.NoError(t, <-ended)
	stop()
	frames := strings.Split(p.String(), beginFrame)
	require.Len(t, frames, 5)
	assert.Contains(t, frames[1], "reading …")
	assert.Contains(t, frames[2], "CONSUMERS")
	assert.NotContains(t, frames[3], "CONSUMERS")

	p, _, stop, ended = begin()
	p.typed <- ctrlC
	require.NoError(t, <-ended)
	stop()

	_, _, stop, ended = begin()
	stop()
	require.NoError(t, <-ended)

	p, looks, stop, ended = begin()
	p.err = errors.New("hung up")
	looks <- look{at: looked, err: errors.ErrUnsupported}
	require.EqualError(t, <-ended, "draw the queues: hung up")
	stop()
}
