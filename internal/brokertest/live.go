package brokertest

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// live is the brokers that the tests of this process use.
var live brokers

// brokers is a set of brokers that are to be closed together.
type brokers struct {
	mu  sync.Mutex
	set map[*Broker]struct{}
}

func (s *brokers) add(b *Broker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = make(map[*Broker]struct{})
	}
	s.set[b] = struct{}{}
}

func (s *brokers) drop(b *Broker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, b)
}

// closeAll closes the brokers and forgets them.
func (s *brokers) closeAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for b := range s.set {
		errs = append(errs, b.Close())
	}
	clear(s.set)
	return errors.Join(errs...)
}

// closeOnSignal closes the live brokers and exits when a SIGINT or SIGTERM comes before ignore is
// called. ignore returns when the goroutine that waits for signals has ended.
func closeOnSignal() (ignore func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	finished, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-finished:
		case sig := <-signals:
			if err := live.closeAll(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			os.Exit(128 + int(sig.(syscall.Signal)))
		}
	}()
	return func() {
		signal.Stop(signals)
		close(finished)
		<-ended
	}
}
