package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/warrenmq/warren/tasks"
)

// The exit statuses of sysexits.h that say what a retry would be good for. The third of them,
// EX_TEMPFAIL (75), asks for a retry, which is what any other status gets as well.
const (
	exitDataErr = 65 // EX_DATAERR: the payload is at fault
	exitConfig  = 78 // EX_CONFIG: the installation is
)

// stderrBytes bounds how much of stderr an error tells. With what stands before it, it has to fit
// into the header of a dead letter, which would cut its end: the very part that matters.
const stderrBytes = tasks.MaxErrorBytes - 256

// program is one run of a program. It has pipes of its own instead of those of os/exec, which takes
// a program for running as long as any child of it holds one.
type program struct {
	cmd    *exec.Cmd
	group  processGroup
	exited chan struct{} // closed once the leader is gone
	err    error         // what the wait for it returned; written before exited is closed

	stdin    *os.File
	stderr   *stream // to told
	told     *tail   // the end of stderr
	stdout   *stream // to output; nil where nobody wants it
	output   *capture
	progress *stream // descriptor 3, to reports
	reports  *progressLines

	goroutines sync.WaitGroup
}

// startProgram starts a program and gives it the payload on stdin. Its stdout is kept in output, which
// may be nil.
func startProgram(cmd *exec.Cmd, payload []byte, output *capture, reports *progressLines) (*program, error) {
	p := &program{cmd: cmd, exited: make(chan struct{}), told: &tail{limit: stderrBytes}, output: output, reports: reports}
	child, err := p.open()
	defer func() {
		for _, file := range child {
			file.Close()
		}
	}()
	if err != nil {
		p.close()
		return nil, err
	}
	started := make(chan error, 1)
	p.goroutines.Go(func() { p.run(started) })
	if err := <-started; err != nil {
		p.close()
		return nil, err
	}
	p.goroutines.Go(func() {
		_, _ = io.Copy(p.stdin, bytes.NewReader(payload)) // a program need not read it
		p.stdin.Close()
	})
	p.goroutines.Go(func() { p.stderr.copyTo(p.told) })
	p.goroutines.Go(func() { p.progress.copyTo(p.reports) })
	if p.stdout != nil {
		p.goroutines.Go(func() { p.stdout.copyTo(p.output) })
	}
	return p, nil
}

// open makes the program's pipes and returns its ends of them, beside an error too.
func (p *program) open() (child []*os.File, err error) {
	childStdin, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	child, p.stdin, p.cmd.Stdin = append(child, childStdin), stdin, childStdin
	add := func(s **stream) *os.File {
		if err != nil {
			return nil
		}
		var end *os.File
		if *s, end, err = openStream(); err == nil {
			child = append(child, end)
		}
		return end
	}
	if stderr := add(&p.stderr); stderr != nil {
		p.cmd.Stderr = stderr
	}
	if progress := add(&p.progress); progress != nil {
		p.cmd.ExtraFiles = extraFiles(progress)
	}
	if p.output == nil {
		return child, err
	}
	if stdout := add(&p.stdout); stdout != nil {
		p.cmd.Stdout = stdout
	}
	return child, err
}

// run starts the program, tells what came of that, and waits for the program to be gone.
func (p *program) run(started chan<- error) {
	group, release, err := startGroup(p.cmd)
	if err != nil {
		started <- err
		return
	}
	defer release()
	p.group = group
	started <- nil
	p.err = p.cmd.Wait()
	close(p.exited)
}

// gone reports whether the leader is.
func (p *program) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// close ends what is left of the streams and returns when all goroutines are gone. The leader is gone
// already. Children that outlive it and still write to them get SIGPIPE.
func (p *program) close() {
	if p.stdin != nil {
		p.stdin.Close()
	}
	for _, s := range [...]*stream{p.stderr, p.stdout, p.progress} {
		s.close()
	}
	p.goroutines.Wait()
}

// outcome turns the end of a program into the outcome of its task. The program was closed.
func (p *program) outcome() error {
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return nil
	case !errors.As(p.err, &exit):
		return fmt.Errorf("wait for the program: %w", p.err)
	}
	var err error = exit
	if text := p.told.String(); text != "" {
		err = fmt.Errorf("%w: %s", exit, text)
	}
	if code := exit.ExitCode(); code == exitDataErr || code == exitConfig {
		return tasks.Permanent(err)
	}
	return err
}
