//go:build integration

package routing_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

// Pattern.Match and the reference of the unit tests both claim to do what RabbitMQ does; here it is
// asked: one queue a pattern, every key published once, and each queue must hold the keys that
// Match says, each once.
func TestMatchIsRabbitMQs(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	bound, keys := everyPattern(t, 3), everyKey(4)
	bound = append(bound, longPatterns(t, random, 30)...)
	keys = append(keys, longKeys(random, 60)...)
	keys = append(keys, "*", "#", "a.*", "*.b", "#.a", "a.#.b", strings.Repeat(".", 100), strings.Repeat("a", 255))

	ch := openChannel(t)
	const exchange = "topic-under-test"
	require.NoError(t, ch.ExchangeDeclare(exchange, amqp.ExchangeTopic, false, true, false, false, nil))
	queues := make([]string, len(bound))
	for i, p := range bound {
		q, err := ch.QueueDeclare("", false, true, true, false, nil)
		require.NoError(t, err)
		require.NoError(t, ch.QueueBind(q.Name, p.String(), exchange, false, nil), "%s", p)
		queues[i] = q.Name
	}
	publish(t, ch, exchange, keys)

	for i, p := range bound {
		want := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !p.Match(key) })
		got := drain(t, ch, queues[i])
		slices.Sort(want)
		slices.Sort(got)
		require.Equal(t, want, got, "pattern %s", p)
	}
	t.Logf("%d patterns x %d keys", len(bound), len(keys))
}

// everyPattern returns all patterns of at most so many words over a, * and #.
func everyPattern(t *testing.T, most int) []routing.Pattern {
	var list []routing.Pattern
	for _, text := range sentences([]string{"a", "*", "#"}, most) {
		if p, err := routing.ParsePattern(text); err == nil {
			list = append(list, p)
		} else {
			require.Greater(t, strings.Count(text, "#"), routing.MaxHashes, "%v", err)
		}
	}
	return list
}

// everyKey returns all keys of at most so many words over a, b and the empty word, and the empty
// key (which is the sentence of one empty word).
func everyKey(most int) []string { return sentences([]string{"a", "b", ""}, most) }

func sentences(words []string, most int) []string {
	all, longest := slices.Clone(words), words
	for range most - 1 {
		var longer []string
		for _, sentence := range longest {
			for _, word := range words {
				longer = append(longer, sentence+"."+word)
			}
		}
		all, longest = append(all, longer...), longer
	}
	return all
}

// longPatterns returns distinct patterns of four to seven words.
func longPatterns(t *testing.T, random *rand.Rand, count int) []routing.Pattern {
	texts := map[string]bool{}
	for len(texts) < count {
		text := sentence(random, []string{"a", "b", "*", "#"}, 4+random.IntN(4))
		if strings.Count(text, "#") <= routing.MaxHashes {
			texts[text] = true
		}
	}
	var list []routing.Pattern
	for text := range texts {
		list = append(list, patterns(t, text)...)
	}
	return list
}

// longKeys returns distinct keys of five to eight words.
func longKeys(random *rand.Rand, count int) []string {
	var keys []string
	for len(keys) < count {
		if key := sentence(random, []string{"a", "b", ""}, 5+random.IntN(4)); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func sentence(random *rand.Rand, words []string, length int) string {
	list := make([]string, length)
	for i := range list {
		list[i] = words[random.IntN(len(words))]
	}
	return strings.Join(list, ".")
}

func openChannel(t *testing.T) *amqp.Channel {
	conn, err := amqp.Dial(brokertest.NewVhost(t).URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	ch, err := conn.Channel()
	require.NoError(t, err)
	return ch
}

// publish publishes each key once, with the key as the body, and waits for every confirm.
func publish(t *testing.T, ch *amqp.Channel, exchange string, keys []string) {
	require.NoError(t, ch.Confirm(false))
	confirms := make([]*amqp.DeferredConfirmation, len(keys))
	for i, key := range keys {
		var err error
		confirms[i], err = ch.PublishWithDeferredConfirmWithContext(t.Context(), exchange, key, false, false, amqp.Publishing{Body: []byte(key)})
		require.NoError(t, err)
	}
	for i, confirm := range confirms {
		acked, err := confirm.WaitContext(t.Context())
		require.NoError(t, err)
		require.True(t, acked, "%q", keys[i])
	}
}

// drain takes out all that a queue holds. Its messages were confirmed, so they are there.
func drain(t *testing.T, ch *amqp.Channel, queue string) []string {
	keys := []string{}
	for {
		delivery, ok, err := ch.Get(queue, true)
		require.NoError(t, err)
		if !ok {
			return keys
		}
		require.Equal(t, delivery.RoutingKey, string(delivery.Body))
		keys = append(keys, delivery.RoutingKey)
	}
}
