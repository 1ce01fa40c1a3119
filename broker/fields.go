package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The bounds of amqp091-go's reader, beyond which it gives up the connection. It does not export
// them; TestFilterAgreesWithTheLibrary holds them.
const (
	maxFieldDepth  = 32   // tables and arrays inside a message's headers
	maxFieldsCount = 8192 // entries of a table, elements of an array
)

// Why the library cannot read a message's headers.
var (
	errMalformedFields = errors.New("they are malformed")
	errTooDeep         = fmt.Errorf("they are nested deeper than %d", maxFieldDepth)
	errTooManyFields   = fmt.Errorf("a table or an array has more than %d elements", maxFieldsCount)
)

// checkTable says why the library cannot read a table, given without its length. It is as strict as
// RabbitMQ's own writer is exact; a table that repeats a name counts it each time.
func checkTable(rest []byte, depth int) error {
	if depth > maxFieldDepth {
		return errTooDeep
	}
	var err error
	for count := 0; len(rest) > 0; count++ {
		if count == maxFieldsCount {
			return errTooManyFields
		}
		name := 1 + int(rest[0])
		if name > len(rest) {
			return errMalformedFields
		}
		if rest, err = checkField(rest[name:], depth); err != nil {
			return err
		}
	}
	return nil
}

func checkArray(rest []byte, depth int) error {
	if depth > maxFieldDepth {
		return errTooDeep
	}
	var err error
	for count := 0; len(rest) > 0; count++ {
		if count == maxFieldsCount {
			return errTooManyFields
		}
		if rest, err = checkField(rest, depth); err != nil {
			return err
		}
	}
	return nil
}

// checkField checks the value at the front and returns what follows it.
func checkField(rest []byte, depth int) ([]byte, error) {
	if len(rest) == 0 {
		return nil, errMalformedFields
	}
	kind := rest[0]
	rest = rest[1:]
	size := 0
	switch kind {
	case 'V':
	case 't', 'b', 'B':
		size = 1
	case 's', 'u':
		size = 2
	case 'I', 'i', 'f':
		size = 4
	case 'D':
		size = 5
	case 'l', 'd', 'T':
		size = 8
	case 'S', 'x', 'A', 'F':
		if len(rest) < 4 {
			return nil, errMalformedFields
		}
		length := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if uint64(length) > uint64(len(rest)) {
			return nil, errMalformedFields
		}
		size = int(length)
	default:
		return nil, fmt.Errorf("a value is of the unknown type %q", kind)
	}
	if size > len(rest) {
		return nil, errMalformedFields
	}
	value, rest := rest[:size], rest[size:]
	switch kind {
	case 'A':
		return rest, checkArray(value, depth+1)
	case 'F':
		return rest, checkTable(value, depth+1)
	default:
		return rest, nil
	}
}
