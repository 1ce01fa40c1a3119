package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

const sample = `
queues:
  email:
    routes: ["email.#", "*.welcome"]
    handlers:
      "email.#": {http: {url: "http://user:sesame@127.0.0.1:8080/tasks?token=sesame"}}
      "email.*": {exec: ["./bin/send-email", "--password", "sesame"]}
      "email.*.eu": {exec: ["./bin/eu"]}
  audit: {routes: ["#"]}
  narrow:
    routes: ["import.#"]
    handlers: {"import.csv": {exec: [./bin/import]}}
  inbox: {}
`

func TestRoutes(t *testing.T) {
	o := environment{}.run(t.Context(), "-c", file(t, sample), "routes")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, ""+
		"QUEUE   ROUTE      HANDLER     RUNS\n"+
		"email   email.#    email.*.eu  exec ./bin/eu\n"+
		"        *.welcome  email.*     exec ./bin/send-email\n"+
		"                   email.#     http http://127.0.0.1:8080/tasks\n"+
		"audit   #          -           -\n"+
		"narrow  import.#   import.csv  exec ./bin/import\n"+
		"inbox   -          -           -\n", o.stdout)

	o = environment{}.run(t.Context(), "-c", file(t, sample), "routes", "--json")
	assert.Equal(t, exitDone, o.code, o.stderr)
	//nolint:testifylint // a line an object, not one document
	assert.Equal(t, `{"queue":"email","routes":["email.#","*.welcome"],"handlers":[{"pattern":"email.*.eu","exec":"./bin/eu"},`+
		`{"pattern":"email.*","exec":"./bin/send-email"},{"pattern":"email.#","http":"http://127.0.0.1:8080/tasks"}]}
{"queue":"audit","routes":["#"],"handlers":[]}
{"queue":"narrow","routes":["import.#"],"handlers":[{"pattern":"import.csv","exec":"./bin/import"}]}
{"queue":"inbox","routes":[],"handlers":[]}
`, o.stdout)
}
