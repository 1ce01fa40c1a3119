package deadletter

import (
	"encoding/base64"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// maxDepth bounds the tables within tables that are shown. The client library reads 32.
const maxDepth = 64

// plainTable returns headers with values that JSON can say.
func plainTable(headers map[string]any, depth int) map[string]any {
	table := make(map[string]any, len(headers))
	for name, value := range headers {
		table[name] = plain(value, depth-1)
	}
	return table
}

// plain returns a header's value as one that JSON can say: bytes as text where they are UTF-8, else
// as base64, times in RFC 3339, and what there is no number for as text.
func plain(value any, depth int) any {
	if depth <= 0 {
		return "…"
	}
	switch v := value.(type) {
	case nil, bool, string, int, int8, int16, int32, int64, uint8, uint16, uint32, uint64:
		return v
	case float32:
		return plain(float64(v), depth)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
		return v
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case map[string]any:
		return plainTable(v, depth)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = plain(item, depth-1)
		}
		return list
	default:
		return fmt.Sprint(v)
	}
}
