package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

// Each case is a file and all that is said about it; every line of that is told as of the file.
func TestProblems(t *testing.T) {
	const (
		queue    = "queues:\n  q:\n    "
		schedule = "schedules:\n  s:\n    cron: '@daily'\n    key: k\n    "
	)
	for name, test := range map[string]struct{ text, says string }{
		"not YAML":          {"a: [b", "1: not YAML: did not find expected ',' or ']'"},
		"no mapping":        {"- a", "1: a mapping is wanted, not a list"},
		"two documents":     {"broker:\n---\nqueues:\n", "2: a second YAML document; one is wanted"},
		"unknown anchor":    {"broker: *b", " not YAML: unknown anchor 'b' referenced"},
		"unknown section":   {"broker:\nkeyring: {level: all}", "2: keyring: unknown field; known are broker, encryption, guard, history, metrics, queues, schedules, shutdown"},
		"unknown field":     {queue + "concurency: 3", "3: queues.q.concurency: unknown field; known are concurrency, handlers, prefetch, rate_limit, retry, routes, timeout, type"},
		"field twice":       {queue + "type: auto\n    type: quorum", "4: queues.q.type: given twice, first on line 3"},
		"queue twice":       {"queues:\n  q:\n  q:\n", "3: queues.q: given twice, first on line 2"},
		"merge key":         {"queues:\n  <<: {}\n", "2: queues: merge keys (<<) are not supported"},
		"key is a list":     {"queues:\n  ? [a]\n  : b\n", "2: queues: a key must be a text, not a list"},
		"key is null":       {"queues:\n  ~: b\n", "2: queues: a key must be a text, not nothing"},
		"list for mapping":  {"queues: [q]", "1: queues: a mapping is wanted, not a list"},
		"number for broker": {"broker: 5672", "1: broker: a mapping is wanted, not the number 5672"},

		"level":              {"history: {level: some}", `1: history.level: "some" is none of off, outcomes, all`},
		"no retention":       {"history:\n  retention: 5s", "2: history.retention: 5s is not within 1m0s..87600h0m0s"},
		"no size":            {"history: {max_size: 10 apples}", `1: history.max_size: "10 apples" is not a size, such as 500MB or 10GiB`},
		"too small a size":   {"history: {max_size: 1KB}", "1: history.max_size: 1KB is not within 1MiB..100TiB"},
		"too large a size":   {"history: {max_size: 999999999999TiB}", `1: history.max_size: "999999999999TiB" is too large a size`},
		"unknown in history": {"history: {max: 1}", "1: history.max: unknown field; known are level, max_size, retention"},

		"text for list":       {"broker:\n  urls: amqp://user:secret@host", "2: broker.urls: a list is wanted, not a text"},
		"other scheme":        {"broker: {urls: [http://user:secret@host]}", "1: broker.urls[0]: it is not a URL of the scheme amqp or amqps"},
		"no scheme":           {"broker: {urls: ['user:secret@host']}", "1: broker.urls[0]: it is not a URL of the scheme amqp or amqps"},
		"no host":             {"broker:\n  urls:\n    - amqp://host\n    - amqp:///vhost", "4: broker.urls[1]: it is a URL without a host"},
		"no URL":              {"broker: {urls: ['amqp://user:sec%ret@host']}", "1: broker.urls[0]: it is not a URL"},
		"port":                {"broker: {urls: ['amqp://user:secret@host:70000']}", "1: broker.urls[0]: its port is not within 1..65535"},
		"management":          {"broker: {management: 'amqp://user:secret@host'}", "1: broker.management: it is not a URL of the scheme http or https"},
		"prefix":              {"broker: {prefix: a.b}", `1: broker.prefix: invalid prefix "a.b": it is not of letters, digits, _ and -`},
		"certificate alone":   {"broker:\n  tls: {cert: c.pem}", "2: broker.tls: cert and key belong together: one of them is missing"},
		"empty CA":            {"broker: {tls: {ca: ''}}", "1: broker.tls.ca: it is empty"},
		"nothing for a text":  {"broker:\n  management:\n", "2: broker.management: a text is wanted, not nothing"},
		"mapping for a text":  {"broker: {prefix: {a: b}}", "1: broker.prefix: a text is wanted, not a mapping"},
		"tagged text":         {"broker: {prefix: !secret x}", "1: broker.prefix: a text is wanted, not a value tagged !secret"},
		"URL in a wrong text": {"broker: {prefix: 'amqp://user:secret@host'}", `1: broker.prefix: invalid prefix "amqp://…`},
		"URL as a field":      {"broker: {urls: , 'amqp://user:secret@host': }", `1: broker."amqp://…`},
		"URL as a queue":      {"queues: {'amqp://user:secret@host': }", `1: queues."amqp://…`},

		"queue name":          {"queues:\n  \"a b\":\n    type: auto", `2: queues."a b": invalid queue name "a b": the character ' ' is not a letter, a digit, _, - or a dot`},
		"dead queue":          {"queues: {q.dead: }", `1: queues."q.dead": invalid queue name "q.dead": names ending in .dead are dead-letter queues`},
		"prefix that follows": {"queues: {acme.q: }\nbroker: {prefix: acme}", `1: queues."acme.q": invalid queue name "acme.q": names beginning with acme are internal`},
		"route":               {queue + "routes:\n      - a.#\n      - a.b!", `5: queues.q.routes[1]: invalid routing pattern "a.b!": the word "b!" is neither *, # nor of letters, digits, _ and -`},
		"route twice":         {queue + "routes: [a, b, a]", `3: queues.q.routes[2]: route "a": configured twice`},
		"route of a mapping":  {queue + "routes: [{a: b}]", "3: queues.q.routes[0]: a text is wanted, not a mapping"},
		"concurrency":         {queue + "concurrency: 10001", "3: queues.q.concurrency: 10001 is not within 1..10000"},
		"quoted number":       {queue + "concurrency: '5'", "3: queues.q.concurrency: a whole number within 1..10000 is wanted, not a text"},
		"fraction":            {queue + "concurrency: 2.5", "3: queues.q.concurrency: a whole number within 1..10000 is wanted, not the number 2.5"},
		"huge number":         {queue + "concurrency: 99999999999999999999", "3: queues.q.concurrency: a whole number within 1..10000 is wanted, not the number 99999999999999999999"},
		"larger than int64":   {queue + "concurrency: 18446744073709551615", "3: queues.q.concurrency: 18446744073709551615 is not within 1..10000"},
		"truth for number":    {queue + "concurrency: true", "3: queues.q.concurrency: a whole number within 1..10000 is wanted, not true"},
		"date for number":     {queue + "concurrency: 2026-01-01", "3: queues.q.concurrency: a whole number within 1..10000 is wanted, not a date"},
		"timeout":             {queue + "timeout: 31d", "3: queues.q.timeout: 31d is not within 1ms..720h0m0s"},
		"no unit":             {queue + "timeout: 60", `3: queues.q.timeout: "60" is not a duration, such as 30s, 5m or 7d`},
		"no duration":         {queue + "timeout: [1m]", "3: queues.q.timeout: a duration, such as 30s, 5m or 7d, is wanted, not a list"},
		"prefetch":            {queue + "prefetch: 65536", "3: queues.q.prefetch: 65536 is not within 1..65535"},
		"prefetch of zero":    {queue + "prefetch: 0", "3: queues.q.prefetch: 0 is not within 1..65535"},
		"prefetch manual":     {queue + "prefetch: manual", "3: queues.q.prefetch: auto or a whole number within 1..65535 is wanted, not a text"},
		"prefetch too small":  {queue + "prefetch: 4\n    concurrency: 5", "3: queues.q.prefetch: 4 is not within concurrency (5)..65535"},
		"rate":                {queue + "rate_limit: {per_second: 0}", "3: queues.q.rate_limit.per_second: 0 is not within 0.0001..100000"},
		"rate too high":       {queue + "rate_limit: {per_second: 100001}", "3: queues.q.rate_limit.per_second: 100001 is not within 0.0001..100000"},
		"rate not a number":   {queue + "rate_limit: {per_second: 5/m}", "3: queues.q.rate_limit.per_second: a number within 0.0001..100000 is wanted, not a text"},
		"rate without rate":   {queue + "rate_limit: {burst: 5}", "3: queues.q.rate_limit: per_second is missing"},
		"rate of nothing":     {queue + "rate_limit:", "3: queues.q.rate_limit: per_second is missing"},
		"rate of a number":    {queue + "rate_limit: 100", "3: queues.q.rate_limit: a mapping is wanted, not the number 100"},
		"burst":               {queue + "rate_limit: {per_second: 5, burst: 0}", "3: queues.q.rate_limit.burst: 0 is not within 1..100000"},
		"burst of a fraction": {queue + "rate_limit: {per_second: 5, burst: 1.5}", "3: queues.q.rate_limit.burst: a whole number within 1..100000 is wanted, not the number 1.5"},
		"type":                {queue + "type: stream", `3: queues.q.type: "stream" is none of auto, quorum, classic`},
		"max attempts":        {queue + "retry: {max_attempts: 0}", "3: queues.q.retry.max_attempts: 0 is not within 1..100"},
		"initial":             {queue + "retry: {initial: 0s}", "3: queues.q.retry.initial: 0s is not within 1ms.." + routing.MaxDelay.String()},
		"max below initial":   {queue + "retry: {max: 1s}", "3: queues.q.retry: invalid retry policy: max: 1s is not within initial (2s).." + routing.MaxDelay.String()},
		"factor":              {queue + "retry: {factor: 0.5}", "3: queues.q.retry.factor: 0.5 is not within 1..100"},
		"backoff":             {queue + "retry: {backoff: square}", `3: queues.q.retry.backoff: invalid retry policy: backoff: "square" is none of exponential, linear, fixed`},
		"backoff of a list":   {queue + "retry: {backoff: [linear]}", "3: queues.q.retry.backoff: a text is wanted, not a list"},
		"factor of linear":    {queue + "retry:\n      factor: 2\n      backoff: linear", "4: queues.q.retry.factor: backoff is linear: only exponential has a factor"},
		"factor of fixed":     {queue + "retry:\n      backoff: fixed\n      factor: 1", "5: queues.q.retry.factor: backoff is fixed: only exponential has a factor"},
		"jitter":              {queue + "retry: {jitter: -1}", "3: queues.q.retry.jitter: -1 is not within 0..1"},
		"jitter not a number": {queue + "retry: {jitter: .nan}", "3: queues.q.retry.jitter: .nan is not within 0..1"},
		"jitter of a text":    {queue + "retry: {jitter: none}", "3: queues.q.retry.jitter: a number within 0..1 is wanted, not a text"},

		"handler pattern":       {queue + "handlers:\n      a.b!: {exec: [x]}", `4: queues.q.handlers."a.b!": invalid routing pattern "a.b!": the word "b!" is neither *, # nor of letters, digits, _ and -`},
		"handler twice":         {queue + "handlers:\n      a.*: {exec: [x]}\n      a.*: {exec: [y]}", `5: queues.q.handlers."a.*": given twice, first on line 4`},
		"handler of a text":     {queue + "handlers: {a: ./send}", "3: queues.q.handlers.a: a mapping is wanted, not a text"},
		"neither":               {queue + "handlers: {a: }", "3: queues.q.handlers.a: one of exec and http is wanted"},
		"both":                  {queue + "handlers: {a: {exec: [x], http: {url: 'http://h'}}}", "3: queues.q.handlers.a: exec and http exclude each other"},
		"limit of nothing":      {queue + "handlers: {a: {concurrency: 2}}", "3: queues.q.handlers.a: one of exec and http is wanted"},
		"limit of handler":      {queue + "handlers:\n      a:\n        exec: [x]\n        concurrency: 0", "6: queues.q.handlers.a.concurrency: 0 is not within 1..10000"},
		"exec of a text":        {queue + "handlers: {a: {exec: ./send}}", "3: queues.q.handlers.a.exec: a list is wanted, not a text"},
		"exec of nothing":       {queue + "handlers: {a: {exec: []}}", "3: queues.q.handlers.a.exec: the program is missing"},
		"exec of an empty text": {queue + "handlers: {a: {exec: ['', b]}}", "3: queues.q.handlers.a.exec[0]: the program is missing"},
		"exec with zero byte":   {queue + `handlers: {a: {exec: [a, "\0"]}}`, "3: queues.q.handlers.a.exec[1]: it has a zero byte, which no argument can"},
		"http without URL":      {queue + "handlers: {a: {http: {timeout: 1s}}}", "3: queues.q.handlers.a.http: url is missing"},
		"http of a text":        {queue + "handlers: {a: {http: 'http://h'}}", "3: queues.q.handlers.a.http: a mapping is wanted, not a text"},
		"http URL":              {queue + "handlers: {a: {http: {url: 'ftp://h'}}}", "3: queues.q.handlers.a.http.url: it is not a URL of the scheme http or https"},
		"tls without https":     {queue + "handlers: {a: {http: {url: 'HTTP://h', tls: {ca: a.pem}}}}", "3: queues.q.handlers.a.http: tls is for a url that is https"},
		"half a key pair":       {queue + "handlers: {a: {http: {url: 'https://h', tls: {cert: a.pem}}}}", "3: queues.q.handlers.a.http.tls: cert and key belong together: one of them is missing"},
		"http timeout":          {queue + "handlers: {a: {http: {url: 'http://h', timeout: 1ns}}}", "3: queues.q.handlers.a.http.timeout: 1ns is not within 1ms..720h0m0s"},
		"header name":           {queue + "handlers: {a: {http: {url: 'http://h', headers: {'X Y': a}}}}", `3: queues.q.handlers.a.http.headers."X Y": it is not the name of a header`},
		"header twice":          {queue + "handlers: {a: {http: {url: 'http://h', headers: {X-Y: a, x-y: b}}}}", "3: queues.q.handlers.a.http.headers.x-y: given twice: case makes no difference"},
		"header value":          {queue + `handlers: {a: {http: {url: 'http://h', headers: {X-Y: "a\r\nb"}}}}`, "3: queues.q.handlers.a.http.headers.X-Y: a header cannot have control characters"},

		"entry of a text":     {"schedules: {s: '@daily'}", "1: schedules.s: a mapping is wanted, not a text"},
		"entry name":          {"schedules: {'a b': {cron: '@daily', key: k}}", `1: schedules."a b": the character ' ' is not a letter, a digit, _, - or a dot`},
		"no cron":             {"schedules:\n  s:\n    key: k\n", "2: schedules.s.cron: nothing says when: one of cron, every and at is needed"},
		"no key":              {"schedules:\n  s:\n    cron: '@daily'\n", "2: schedules.s.key: invalid routing key: it is empty"},
		"cron":                {"schedules:\n  s:\n    key: k\n    cron: 0 9 * *", `4: schedules.s.cron: "0 9 * *": expected 5 to 6 fields, found 4: [0 9 * *]`},
		"cron of a list":      {"schedules: {s: {key: k, cron: [a]}}", "1: schedules.s.cron: a text is wanted, not a list"},
		"zone":                {schedule + "tz: Asia/Edo", "5: schedules.s.tz: unknown time zone Asia/Edo"},
		"key":                 {"schedules: {s: {cron: '@daily', key: a.*}}", `1: schedules.s.key: invalid routing key "a.*": the word "*" is not of letters, digits, _ and -`},
		"priority":            {schedule + "priority: 0", "5: schedules.s.priority: 0 is not within 1..9"},
		"unknown entry field": {schedule + "evry: 5m", "5: schedules.s.evry: unknown field; known are at, catch_up, cron, every, id, jitter, key, payload, priority, tz"},
		"cron and every":      {schedule + "every: 5m", "5: schedules.s.every: one of cron, every and at says when, and here are cron and every"},
		"@every":              {"schedules: {s: {key: k, cron: '@every 5m'}}", `1: schedules.s.cron: "@every 5m" is not a time of the clock: instead of cron use every, such as every: 5m`},
		"short every":         {"schedules: {s: {key: k, every: 0s}}", "1: schedules.s.every: 0s is not within 1s..8784h0m0s"},
		"every of a number":   {"schedules: {s: {key: k, every: 5}}", `1: schedules.s.every: "5" is not a duration, such as 30s, 5m or 7d`},
		"every of parts":      {"schedules: {s: {key: k, every: 1500ms}}", "1: schedules.s.every: 1.5s is not whole seconds"},
		"at":                  {"schedules: {s: {key: k, at: 2026-12-24 18:00}}", `1: schedules.s.at: "2026-12-24 18:00" is not a time, such as 2026-12-24T18:00:00+01:00 or, in the zone of tz, 2026-12-24T18:00:00`},
		"at of a list":        {"schedules: {s: {key: k, at: [2026-12-24]}}", "1: schedules.s.at: a text is wanted, not a list"},
		"id":                  {schedule + "id: a b", "5: schedules.s.id: the character ' ' is not a letter, a digit, _, - or a dot"},
		"one identity": {schedule + "id: x\n  x: {every: 1h, key: k}\n  y:\n    every: 1h\n    key: k\n    id: x", `6: schedules.x: the entry "s" has the identity "x" already
10: schedules.y.id: the entry "s" has the identity "x" already`},
		"jitter of a day":  {schedule + "jitter: 25h", "5: schedules.s.jitter: 25h is not within 0s..24h0m0s"},
		"catch-up":         {schedule + "catch_up: some", `5: schedules.s.catch_up: "some" is not none, last or all`},
		"catch-up nothing": {schedule + "catch_up: ", "5: schedules.s.catch_up: a text is wanted, not nothing"},
		"catch-up empty":   {schedule + "catch_up: ''", "5: schedules.s.catch_up: it is empty"},
		"catch-up policy":  {schedule + "catch_up:\n      policy: some", `6: schedules.s.catch_up.policy: "some" is not none, last or all`},
		"catch-up max":     {schedule + "catch_up: {policy: all, max: 1001}", "5: schedules.s.catch_up.max: 1001 is not within 1..1000"},
		"catch-up spacing": {schedule + "catch_up: {policy: all, spacing: 2h}", "5: schedules.s.catch_up.spacing: 2h is not within 0s..1h0m0s"},
		"max without all":  {schedule + "catch_up:\n      policy: none\n      max: 3", "7: schedules.s.catch_up.max: it is for the policy all, and the policy is none"},
		"spacing alone":    {schedule + "catch_up: {spacing: 0s}", "5: schedules.s.catch_up.spacing: it is for the policy all, and the policy is last"},
		"template": {schedule + "payload:\n      window:\n        - x\n        - day: '{{ .Day }}'\n      a: '{{'", `8: schedules.s.payload.window[1].day: .Day is not known; known are .Entry, .ID, .Previous, .ScheduledFor (braces that are meant as they are: {{"{{"}})
9: schedules.s.payload.a: unclosed action (braces that are meant as they are: {{"{{"}})`},
		"template in vain":   {schedule + "payload:\n      a: x\n      'b c': '{{ if eq .ScheduledFor.Day 31 }}{{ .ScheduledFor.Format 1 }}{{ end }}'", `7: schedules.s.payload."b c": at <1>: expected string; found 1`},
		"template's aliases": {schedule + "payload:\n      a: &a ['{{ .ID }}']\n      b: *a\n      c: &c '{{ .ID.Nope }}'", `8: schedules.s.payload.c: at <.ID.Nope>: can't evaluate field Nope in type string`},
		"unquoted template":  {schedule + "payload:\n      day: {{ .ID }}", "6: schedules.s.payload.day: a key must be a text, not a mapping; a text that begins with {{ is written in quotes"},
		"template, guarded":  {schedule + "payload: {password: '{{ .ID }}'}\nguard:", "5: schedules.s.payload: invalid task: payload: the field password is named like a credential, which no payload may hold: have the handler take it from its environment or from a file"},
		"infinite payload":   {schedule + "payload: {a: .inf}", "5: schedules.s.payload.a: JSON has no number .inf"},
		"cyclic payload":     {schedule + "payload: &p {p: *p}", "5: schedules.s.payload" + strings.Repeat(".p", 101) + ": a payload nested more than 100 deep"},
		"tagged payload":     {schedule + "payload: !thing x", "5: schedules.s.payload: a value tagged !thing cannot be JSON"},
		"binary payload":     {schedule + "payload: [!!binary aGk=]", "5: schedules.s.payload[0]: a value tagged !!binary cannot be JSON"},
		"false truth":        {schedule + "payload: !!bool perhaps", "5: schedules.s.payload: \"perhaps\" is not !!bool"},

		"listen":      {"metrics: {listen: localhost}", `1: metrics.listen: "localhost" is not an address, such as 127.0.0.1:9464 or :9464`},
		"listen port": {"metrics: {listen: ':http'}", `1: metrics.listen: ":http" is not an address, such as 127.0.0.1:9464 or :9464`},
		"grace":       {"shutdown: {grace: 0s}", "1: shutdown.grace: 0s is not within 1ms..24h0m0s"},

		"no keyset":           {"encryption:\n  required: true", "1: encryption: keyset is missing"},
		"empty keyset":        {"encryption: {keyset: ''}", "1: encryption.keyset: it is empty"},
		"keyset in the file":  {"encryption: {keyset: {primaryKeyId: 7}}", "1: encryption.keyset: a text is wanted, not a mapping"},
		"required of a text":  {"encryption: {keyset: k.json, required: 'yes'}", "1: encryption.required: true or false is wanted, not a text"},
		"required of nothing": {"encryption: {keyset: k.json, required: }", "1: encryption.required: true or false is wanted, not nothing"},
		"guard of a list":     {"guard: [password]", "1: guard: a mapping is wanted, not a list"},
		"guard of nothing":    {"guard: {fields: []}", "1: guard.fields: it names nothing; leave out guard, to have none, or fields, to have the default"},
		"guarded non-name":    {"guard: {fields: [a, '_-']}", `1: guard.fields[1]: "_-" is not a name`},
		"credential":          {schedule + "payload:\n      smtp: [{password: hunter2}]\nguard:", "5: schedules.s.payload: invalid task: payload: the field smtp[0].password is named like a credential, which no payload may hold: have the handler take it from its environment or from a file"},
		"credential, by name": {"guard: {fields: [card]}\n" + schedule + "payload: {card: 4242}", "6: schedules.s.payload: invalid task: payload: the field card is named like a credential, which no payload may hold: have the handler take it from its environment or from a file"},

		"variable not set": {"broker:\n  prefix: ${NOT_SET}", "2: broker.prefix: the variable NOT_SET is not set and has no default"},
		"bad variable":     {"broker:\n  prefix: 'a${1}'", "2: broker.prefix: a ${ is neither ${NAME} nor ${NAME:-default}; a literal one is written $${"},
		"payload variable": {schedule + "payload: ['${NOT_SET}']", "5: schedules.s.payload[0]: the variable NOT_SET is not set and has no default"},

		"several": {
			"queues:\n  amq.q:\n    concurrency: 0\n    retry: {jitter: 2}\nbroker: {prefix: a.b}",
			`2: queues."amq.q": invalid queue name "amq.q": names beginning with amq. are RabbitMQ's own
3: queues."amq.q".concurrency: 0 is not within 1..10000
4: queues."amq.q".retry.jitter: 2 is not within 0..1
5: broker.prefix: invalid prefix "a.b": it is not of letters, digits, _ and -`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := parse(test.text)
			require.ErrorIs(t, err, ErrInvalid)
			assert.Nil(t, c)
			assert.Equal(t, "warren.yaml:"+strings.ReplaceAll(test.says, "\n", "\nwarren.yaml:"), err.Error())
			assert.NotContains(t, err.Error(), "secret@")
		})
	}
}

func TestProblemsKeepTheirCause(t *testing.T) {
	_, err := parse("queues: {q: {routes: ['a..b', a, a]}}\nschedules: {s: {cron: '@daily', key: 'a b'}}")
	require.ErrorIs(t, err, routing.ErrInvalidPattern)
	require.ErrorIs(t, err, routing.ErrDuplicate)
	require.ErrorIs(t, err, routing.ErrInvalidKey)
}

// Ten levels of ten aliases are ten thousand million values.
func TestPayloadOfAliases(t *testing.T) {
	text := "schedules:\n  s:\n    cron: '@daily'\n    key: k\n    payload:\n      l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		before, now := string(rune('0'+i-1)), string(rune('0'+i))
		text += "      l" + now + ": &l" + now + " [" + strings.TrimSuffix(strings.Repeat("*l"+before+", ", 10), ", ") + "]\n"
	}
	_, err := parse(text)
	require.ErrorIs(t, err, ErrInvalid)
	assert.ErrorContains(t, err, "a payload of more than 1048576 bytes of JSON")
}
