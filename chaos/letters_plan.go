package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// lettersQueue is the work queue of a run, and lettersRoutes are its routes.
const lettersQueue = "letters"

var lettersRoutes = []string{"email.#", "image.#"}

// failure is what tasks fail of.
type failure struct {
	name   string
	keys   []string
	reason tasks.Reason
	text   string // a part of each of its errors, which no other error has
}

// The failures: of ten tasks six, three and one.
var (
	refused   = failure{"server away", []string{"email.welcome", "email.bye.eu"}, tasks.ReasonAttemptsExhausted, "connection refused"}
	noAddress = failure{"user without address", []string{"email.welcome", "email.invoice"}, tasks.ReasonPermanent, "has no address"}
	noField   = failure{"field missing", []string{"image.resize"}, tasks.ReasonPermanent, "is missing"}
	failures  = []*failure{&refused, &noAddress, &noField}
)

// parcel is the payload of a task.
type parcel struct {
	Order  int       `json:"order"`
	Server string    `json:"server"`
	User   addressee `json:"user"`
}

// addressee is whom a parcel is for.
type addressee struct {
	ID      int    `json:"id"`
	Email   string `json:"email,omitempty"`
	Address string `json:"address,omitempty"`
}

// mendedField is the one that the payloads of noField lack, as --set calls it, and mendedValue what it
// is set to.
const (
	mendedField = "user.email"
	mendedValue = "eve@example.com"
)

// failing is one task of the plan.
type failing struct {
	id       string
	failure  *failure
	key      string
	attempts int // which all fail
	payload  parcel
}

// letterPlan is the plan of a run: the tasks, and the one whose payload is mended.
type letterPlan struct {
	tasks  []*failing
	mended *failing
}

// newLetterPlan returns the tasks of a run in their order. The same settings give the same ones.
func newLetterPlan(s letterSettings) *letterPlan {
	random := rand.New(rand.NewPCG(s.seed, 0))
	p := &letterPlan{}
	var mendable []*failing
	for n := range s.tasks {
		t := &failing{id: fmt.Sprintf("%d-%06d", s.seed, n), attempts: 1, payload: parcel{
			Order:  n,
			Server: fmt.Sprintf("10.%d.%d.%d:%d", random.IntN(256), random.IntN(256), 1+random.IntN(254), 1024+random.IntN(60_000)),
			User:   addressee{ID: random.IntN(1_000_000), Email: "adam@example.com", Address: "1 Main Street"},
		}}
		switch draw := n % 10; { // exact shares, well mixed
		case draw == 4:
			t.failure, t.payload.User.Email = &noField, ""
			mendable = append(mendable, t)
		case draw%3 == 2:
			t.failure, t.payload.User.Address = &noAddress, ""
		case random.IntN(10) == 0:
			t.failure, t.attempts = &refused, 2
		default:
			t.failure = &refused
		}
		t.key = t.failure.keys[random.IntN(len(t.failure.keys))]
		p.tasks = append(p.tasks, t)
	}
	p.mended = mendable[random.IntN(len(mendable))]
	return p
}

// messages are the tasks as they are enqueued.
func (p *letterPlan) messages() ([]tasks.Task, error) {
	all := make([]tasks.Task, 0, len(p.tasks))
	for _, t := range p.tasks {
		body, err := json.Marshal(t.payload)
		if err != nil {
			return nil, err
		}
		all = append(all, tasks.Task{ID: t.id, Key: t.key, Payload: body, MaxAttempts: t.attempts})
	}
	return all, nil
}

// count is how many tasks fail of something.
func (p *letterPlan) count(f *failure) int {
	count := 0
	for _, t := range p.tasks {
		if t.failure == f {
			count++
		}
	}
	return count
}

// covers reports whether a pattern, as `warren dead groups` tells one, matches all keys of a failure.
func (f *failure) covers(text string) bool {
	pattern, err := routing.ParsePattern(text)
	return err == nil && !slices.ContainsFunc(f.keys, func(key string) bool { return !pattern.Match(key) })
}
