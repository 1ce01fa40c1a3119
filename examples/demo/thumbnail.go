package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"time"
)

// The exit statuses that a handler program has for its outcomes; any other but 0 is tried again.
const (
	exitMalformed = 65 // EX_DATAERR: the payload is at fault, no retry mends it
	exitTryAgain  = 75 // EX_TEMPFAIL
)

const (
	maxSide       = 2048 // pixels
	shrink        = 8    // so many pixels of the picture, each way, are one of the thumbnail
	reportTimeout = 10 * time.Second
)

// handle is the handler program: it makes a thumbnail of the picture that the payload on stdin
// describes and posts it, with what the environment tells of the task, to DEMO_REPORT_URL where
// that is set. It returns the exit status.
func handle(ctx context.Context, stdin io.Reader, stderr io.Writer, getenv func(string) string) int {
	var order struct {
		Width, Height int
		Seed          int
	}
	if err := json.NewDecoder(io.LimitReader(stdin, maxPayloadBytes)).Decode(&order); err != nil {
		fmt.Fprintln(stderr, "the payload is not JSON:", err)
		return exitMalformed
	}
	if min(order.Width, order.Height) < shrink || max(order.Width, order.Height) > maxSide {
		fmt.Fprintf(stderr, "a picture of %d x %d pixels: each side is %d..%d\n", order.Width, order.Height, shrink, maxSide)
		return exitMalformed
	}
	var file bytes.Buffer
	if err := png.Encode(&file, thumbnail(paint(order.Width, order.Height, order.Seed))); err != nil {
		fmt.Fprintln(stderr, "encode the thumbnail:", err)
		return exitMalformed
	}
	if err := deliver(ctx, &file, getenv); err != nil {
		fmt.Fprintln(stderr, "report the thumbnail:", err)
		return exitTryAgain
	}
	return 0
}

// paint returns a picture to make a thumbnail of: rings around a place that the seed gives.
func paint(width, height, seed int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	cx, cy := (seed*97)%width, (seed*61)%height
	for y := range height {
		for x := range width {
			distance := (x-cx)*(x-cx) + (y-cy)*(y-cy)
			picture.SetRGBA(x, y, color.RGBA{uint8(distance / 64), uint8(x), uint8(y), 255})
		}
	}
	return picture
}

// thumbnail returns a picture shrunk, each pixel the mean of a square.
func thumbnail(picture *image.RGBA) *image.RGBA {
	size := picture.Bounds().Size().Div(shrink)
	small := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			small.SetRGBA(x, y, meanColour(picture, x*shrink, y*shrink))
		}
	}
	return small
}

// meanColour returns the mean of the square whose first corner is x, y.
func meanColour(picture *image.RGBA, x, y int) color.RGBA {
	var red, green, blue int
	for dy := range shrink {
		for dx := range shrink {
			c := picture.RGBAAt(x+dx, y+dy)
			red, green, blue = red+int(c.R), green+int(c.G), blue+int(c.B)
		}
	}
	const pixels = shrink * shrink
	return color.RGBA{uint8(red / pixels), uint8(green / pixels), uint8(blue / pixels), 255}
}

// deliver posts the thumbnail to where the environment says, if it does.
func deliver(ctx context.Context, file io.Reader, getenv func(string) string) error {
	url := getenv("DEMO_REPORT_URL")
	if url == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, file)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "image/png")
	for variable, header := range map[string]string{
		"WARREN_TASK_ID": "Warren-Task-Id", "WARREN_ROUTING_KEY": "Warren-Routing-Key",
		"WARREN_QUEUE": "Warren-Queue", "WARREN_ATTEMPT": "Warren-Attempt", "WARREN_NOT_BEFORE": "Warren-Not-Before",
	} {
		if value := getenv(variable); value != "" {
			request.Header.Set(header, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}
