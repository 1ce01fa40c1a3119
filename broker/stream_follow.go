package broker

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/warrenmq/warren/streams"
)

// Follow gives a stream to a follower, over a connection of its own, and blocks until ctx is done, whose
// error it returns; by then no method of the follower is called any more, nor will be. A lost session is
// followed by another, after the client's backoff, and each begins with the first record that there is:
// that is for small streams, whose reader has to know where they begin and that nothing is missing.
// Until the stream exists it tries again.
//
// That a session has caught up it knows by a marker that it appends. A user who may not write to the
// default exchange is not told before that is mended.
func (c *Client) Follow(ctx context.Context, stream string, to streams.Follower) error {
	reader, err := c.NewStreamReader(StreamConfig{Stream: stream, Deliver: to.Deliver, follower: to})
	if err != nil {
		return err
	}
	defer reader.Close()
	<-ctx.Done()
	return ctx.Err()
}

// pursuit is one session of a reader that has a follower. The supervisor's goroutine alone uses it.
type pursuit struct {
	follower streams.Follower
	marker   string
	begun    bool
	caughtUp bool
}

// refusedMarker is how long to wait before a marker that was refused is tried again.
const refusedMarker = 10 * time.Second

// pursue begins a session's pursuit: from now on its marker is on the way. What it returns ends that,
// and returns when it has ended.
func (r *StreamReader) pursue(ctx context.Context) (end func()) {
	marker := uuid.NewString()
	r.pursuit = pursuit{follower: r.cfg.follower, marker: marker}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		waiting := backoff{min: refusedMarker, max: refusedMarker}
		for r.appendMarker(ctx, marker) != nil { // it has logged why not; that may be mended
			if waiting.wait(ctx) != nil {
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// see takes note of the first record of a session.
func (p *pursuit) see(offset uint64) {
	if p.follower != nil && !p.begun {
		p.begun = true
		p.follower.Begin(offset)
	}
}

// reached takes note of a marker.
func (p *pursuit) reached(marker any) {
	if p.follower != nil && !p.caughtUp && marker == p.marker {
		p.caughtUp = true
		p.follower.CaughtUp()
	}
}
