package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// kept is a letter that lies in the dead-letter queue.
type kept struct {
	id  string
	sum uint64 // of all that it is
}

// keptOf reads a letter. Headers that RabbitMQ adds to what it gives out again are not the letter's own.
func keptOf(m tasks.Message) kept {
	headers := maps.Clone(m.Headers)
	maps.DeleteFunc(headers, func(name string, _ any) bool { return strings.HasPrefix(name, "x-") && name != "x-death" })
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%s %d %s %v %s", m.RoutingKey, m.Priority, m.ContentType, headers, m.Body)
	return kept{m.MessageID, sum.Sum64()}
}

// browseAll returns the letters of a queue in their order.
func browseAll(ctx context.Context, client *broker.Client, queue string) ([]kept, error) {
	all := []kept{}
	err := client.Browse(ctx, queue, 0, func(m tasks.Message) bool {
		all = append(all, keptOf(m))
		return true
	})
	return all, err
}

// without returns the letters whose tasks are none of some.
func without(all []kept, are func(id string) bool) []kept {
	left := []kept{}
	for _, k := range all {
		if !are(k.id) {
			left = append(left, k)
		}
	}
	return left
}

// outOfOrder counts the letters that lie before one that they lay behind.
func outOfOrder(was, is []kept) int {
	place := make(map[kept]int, len(was))
	for i, k := range was {
		place[k] = i
	}
	count := 0
	for i := 1; i < len(is); i++ {
		if place[is[i]] < place[is[i-1]] {
			count++
		}
	}
	return count
}

// groupRow is a line of the table of `warren dead groups`.
type groupRow struct {
	count               int
	reason, keys, error string
}

// columnGap is between two columns of a table.
var columnGap = regexp.MustCompile(` {2,}`)

// readGroups reads the table of `warren dead groups`: COUNT REASON KEYS FIRST LAST ERROR.
func readGroups(table string) ([]groupRow, error) {
	var rows []groupRow
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		cells := columnGap.Split(strings.TrimSpace(line), 6)
		if len(cells) != 6 {
			return nil, fmt.Errorf("line %q of the groups: not six columns", line)
		}
		if i == 0 {
			continue
		}
		count, err := strconv.Atoi(cells[0])
		if err != nil {
			return nil, fmt.Errorf("line %q of the groups: %w", line, err)
		}
		rows = append(rows, groupRow{count, cells[1], cells[2], cells[5]})
	}
	return rows, nil
}
