package config

import (
	"fmt"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expand puts variables of the environment into a text. What they hold is not expanded again.
func expand(text string, getenv func(string) (string, bool)) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var out strings.Builder
	for text != "" {
		plain, rest, found := strings.Cut(text, "${")
		if escaped, ok := strings.CutSuffix(plain, "$"); ok && found {
			out.WriteString(escaped + "${")
			text = rest
			continue
		}
		out.WriteString(plain)
		if !found {
			break
		}
		text = text[len(plain):]
		match := variable.FindStringSubmatch(text)
		if match == nil {
			return "", fmt.Errorf("a ${ is neither ${NAME} nor ${NAME:-default}; a literal one is written $${")
		}
		name, hasDefault := match[1], match[2] != ""
		value, set := getenv(name)
		switch {
		case hasDefault && value == "":
			value = match[3]
		case !set:
			return "", fmt.Errorf("the variable %s is not set and has no default", name)
		}
		out.WriteString(value)
		text = text[len(match[0]):]
	}
	return out.String(), nil
}
