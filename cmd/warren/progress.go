package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/warrenmq/warren/tasks"
)

// progressBar shows how far a task has come: in one line of a terminal that is written anew, or else
// in a line for each event.
type progressBar struct {
	w     io.Writer
	width int // of the terminal; 0 for none
	drawn bool
}

// barCells is the length of the bar itself.
const barCells = 30

func newProgressBar(w io.Writer) *progressBar {
	return &progressBar{w: w, width: (&output{Writer: w}).width()}
}

// show shows an event.
func (b *progressBar) show(e tasks.ProgressEvent) {
	percent := fmt.Sprintf("%3.0f %%", math.Floor(e.Percent)) // 100 % is done, and not nearly
	note := onOneLine(e.Note)
	if b.width == 0 {
		fmt.Fprintln(b.w, strings.TrimRight("warren: "+strings.TrimLeft(percent, " ")+" "+note, " "))
		return
	}
	full := int(e.Percent / 100 * barCells)
	line := "[" + strings.Repeat("=", full) + strings.Repeat(" ", barCells-full) + "] " + percent + "  " + note
	fmt.Fprint(b.w, eraseLine+runewidth.Truncate(line, b.width-1, "…"))
	b.drawn = true
}

// eraseLine goes to the beginning of the terminal's line and erases it.
const eraseLine = "\r\x1b[K"

// clear takes the line away, so that another can follow.
func (b *progressBar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, eraseLine)
		b.drawn = false
	}
}
