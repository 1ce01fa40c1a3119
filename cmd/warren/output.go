package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// output is stdout. A reader that closes it has had enough, which is no failure.
type output struct {
	io.Writer
	closed bool
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.closed = o.closed || errors.Is(err, syscall.EPIPE)
	return n, err
}

// width returns the columns of the terminal that it is, 0 where it is none.
func (o *output) width() int {
	file, ok := o.Writer.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// notef tells the user something beside the result.
func (c *cli) notef(format string, args ...any) {
	fmt.Fprintf(c.stderr, "warren: "+format+"\n", args...)
}

// lines returns what writes values as JSON, one a line.
func (c *cli) lines() *json.Encoder {
	encoder := json.NewEncoder(c.stdout)
	encoder.SetEscapeHTML(false) // for people too
	return encoder
}

// jsonFlag adds the flag of a listing.
func jsonFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "print one JSON object a line")
}
