package broker

// directMax is how large a message may be for its caller to write it, in bytes of headers and payload:
// small enough to be collected by a corked socket.
const directMax = maxCorked / 4

// directly is a message that its caller has written, and awaits the confirm of.
type directly struct {
	session *publishSession
	awaited
}

// sendDirect has the caller write its message, which saves the writer's wake-up, where that does not
// block: nobody else writes or is to write before, and the message is small. Otherwise it returns nil,
// and the publication goes by the queue.
func (p *publisher) sendDirect(pub *publication) *directly {
	if !pub.small || len(p.queue) > 0 {
		return nil
	}
	s := p.direct.Load()
	if s == nil || !s.writing.TryLock() {
		return nil
	}
	defer s.writing.Unlock()
	return s.sendDirect(pub)
}

// sendDirect writes one message. What the socket does not take at once is left to the writer. The
// caller holds writing.
func (s *publishSession) sendDirect(pub *publication) *directly {
	if s.directEnded || !s.conn.raw.tryHurry() {
		return nil
	}
	defer s.leaveRest()
	if !s.hasRoom() {
		return nil
	}
	var m outgoing
	if !s.enter(pub, &m) || m.place == 0 {
		<-s.room
		return nil
	}
	confirmation, err := s.send(&m)
	if err != nil {
		s.failed(err)
		_ = s.conn.raw.Close() // ends the session, which answers the message
		return nil
	}
	return &directly{s, awaited{m.place, confirmation}}
}

// leaveRest leaves to the writer what the socket has not taken.
func (s *publishSession) leaveRest() {
	if s.conn.raw.endHurry() {
		return
	}
	select {
	case s.rest <- struct{}{}:
	default: // the writer has been told
	}
}

// confirmed returns what is closed when the broker has spoken, nil where the caller has not written.
func (d *directly) confirmed() <-chan struct{} {
	if d == nil {
		return nil
	}
	return d.Done()
}

// settle answers the publication, after confirmed.
func (d *directly) settle() { d.session.settle(d.place, d.Acked()) }

// leave has the session await the confirm that the caller does not wait for any longer.
func (d *directly) leave() {
	d.session.mu.Lock()
	defer d.session.mu.Unlock()
	if !d.session.ended {
		d.session.confirms.awaitApart(d.awaited)
	}
}

// endDirect has no caller write any more.
func (s *publishSession) endDirect() {
	s.publisher.direct.CompareAndSwap(s, nil)
	s.writing.Lock()
	defer s.writing.Unlock()
	s.directEnded = true
}
