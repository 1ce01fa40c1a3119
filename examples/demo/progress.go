package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progress shows how far a run is. Its methods are called by one goroutine.
type progress interface {
	// show shows how many tasks are accounted for, and how many are published.
	show(settled, published int)
	// close ends the showing and leaves what was shown last.
	close()
}

// newProgress returns bars on a terminal, else lines now and then.
func newProgress(out *os.File, total int) progress {
	if !term.IsTerminal(int(out.Fd())) {
		return &progressLines{out: out, total: total, every: time.Second}
	}
	bars := mpb.New(mpb.WithOutput(out), mpb.WithWidth(60))
	return &progressBars{
		bars:      bars,
		published: addBar(bars, "published", total),
		settled:   addBar(bars, "accounted for", total),
	}
}

func addBar(bars *mpb.Progress, name string, total int) *mpb.Bar {
	return bars.AddBar(int64(total),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.CountersNoUnit("%d of %d", decor.WCSyncSpace), decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)),
	)
}

// progressBars are two bars, on a terminal.
type progressBars struct {
	bars               *mpb.Progress
	published, settled *mpb.Bar
}

func (p *progressBars) show(settled, published int) {
	p.published.SetCurrent(int64(published))
	p.settled.SetCurrent(int64(settled))
}

func (p *progressBars) close() {
	p.published.Abort(false) // nothing to a bar that is full
	p.settled.Abort(false)
	p.bars.Wait()
}

// progressLines are lines of text, at most one in a time.
type progressLines struct {
	out   io.Writer
	total int
	every time.Duration

	next               time.Time
	published, settled int
	shown              bool // the numbers as they are
}

func (p *progressLines) show(settled, published int) {
	p.shown = p.shown && p.published == published && p.settled == settled
	p.published, p.settled = published, settled
	if now := time.Now(); !p.shown && !now.Before(p.next) {
		p.next = now.Add(p.every)
		p.print()
	}
}

func (p *progressLines) print() {
	fmt.Fprintf(p.out, "published %d of %d, accounted for %d\n", p.published, p.total, p.settled)
	p.shown = true
}

func (p *progressLines) close() {
	if !p.shown {
		p.print()
	}
}

// noProgress shows nothing.
type noProgress struct{}

func (noProgress) show(int, int) {}
func (noProgress) close()        {}
