package scheduler

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxTemplateTextBytes bounds one text that is a template: how deep it can be nested follows.
const maxTemplateTextBytes = 64 << 10

// templateText is one text of a payload that is a template.
type templateText struct {
	template *template.Template
	all      *template.Template // both branches of every if
}

const templateName = "text"

// literalBraces ends the errors about texts that may not be meant as templates.
const literalBraces = `(braces that are meant as they are: {{"{{"}})`

// parseTemplateText parses one text and refuses what could take unbounded time or memory, or fail
// for another tick than the one that it was checked with.
func parseTemplateText(text string) (*templateText, error) {
	if len(text) > maxTemplateTextBytes {
		return nil, fmt.Errorf("a template of %d bytes, at most %d", len(text), maxTemplateTextBytes)
	}
	trees, err := parse.Parse(templateName, text, "", "", templateFunctions, templateComparisons)
	if err != nil {
		return nil, fmt.Errorf("%s %s", templateProblem(err), literalBraces)
	}
	if len(trees) != 1 {
		return nil, fmt.Errorf("define and block are not to be had in a payload %s", literalBraces)
	}
	tree := trees[templateName]
	if err := allowed(tree.Root); err != nil {
		return nil, fmt.Errorf("%w %s", err, literalBraces)
	}
	all := tree.Copy()
	all.Root = bothBranches(all.Root)
	t := &templateText{}
	if t.template, err = newTemplate(tree); err != nil {
		return nil, err
	}
	if t.all, err = newTemplate(all); err != nil {
		return nil, err
	}
	return t, nil
}

func newTemplate(tree *parse.Tree) (*template.Template, error) {
	return template.New(templateName).Funcs(templateFunctions).AddParseTree(templateName, tree)
}

func (t *templateText) render(of tick, limit int) (string, error) {
	return execute(t.template, of, limit)
}

func (t *templateText) renderAll(of tick, limit int) (string, error) {
	return execute(t.all, of, limit)
}

func execute(t *template.Template, of tick, limit int) (string, error) {
	out := boundedText{limit: limit}
	if err := t.Execute(&out, of); err != nil {
		return "", errors.New(templateProblem(err))
	}
	return out.text.String(), nil
}

// boundedText takes a text up to a limit.
type boundedText struct {
	text  strings.Builder
	limit int
}

func (b *boundedText) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("it is rendered to more than %d bytes", b.limit)
	}
	return b.text.Write(p)
}

var templatePlace = regexp.MustCompile(`^template: ` + templateName + `:\d+(:\d+)?: (executing "` + templateName + `" )?`)

// templateProblem leaves out of an error of text/template what is the same in all of them.
func templateProblem(err error) string { return templatePlace.ReplaceAllString(err.Error(), "") }

// tickFields are the fields of a tick.
var tickFields = []string{"Entry", "ID", "Previous", "ScheduledFor"}

// allowed reports what of a template is not to be had in a payload. What is left has values of one
// type in every place, whatever the tick.
func allowed(node parse.Node) error {
	switch n := node.(type) {
	case *parse.ListNode:
		return allAllowed(n.Nodes)
	case *parse.ActionNode:
		return allowed(n.Pipe)
	case *parse.IfNode:
		err := errors.Join(allowed(n.Pipe), allowed(n.List))
		if n.ElseList != nil {
			err = errors.Join(err, allowed(n.ElseList))
		}
		return err
	case *parse.PipeNode:
		if len(n.Decl) > 0 {
			return errors.New("variables are not to be had in a payload")
		}
		return allAllowed(n.Cmds)
	case *parse.CommandNode:
		return allAllowed(n.Args)
	case *parse.ChainNode:
		return allowed(n.Node)
	case *parse.FieldNode:
		if !slices.Contains(tickFields, n.Ident[0]) {
			return fmt.Errorf(".%.40s is not known; known are .%s", n.Ident[0], strings.Join(tickFields, ", ."))
		}
		return nil
	case *parse.IdentifierNode, *parse.TextNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
		return nil
	case *parse.VariableNode:
		return errors.New("variables are not to be had in a payload")
	case *parse.RangeNode:
		return errors.New("range is not to be had in a payload")
	case *parse.WithNode:
		return errors.New("with is not to be had in a payload")
	case *parse.TemplateNode:
		return errors.New("template is not to be had in a payload")
	default:
		return fmt.Errorf("%.40s is not to be had in a payload", node)
	}
}

func allAllowed[N parse.Node](nodes []N) error {
	for _, n := range nodes {
		if err := allowed(n); err != nil {
			return err
		}
	}
	return nil
}

// bothBranches replaces every if by its condition and both its branches.
func bothBranches(list *parse.ListNode) *parse.ListNode {
	flat := &parse.ListNode{NodeType: parse.NodeList, Pos: list.Pos}
	for _, node := range list.Nodes {
		branch, ok := node.(*parse.IfNode)
		if !ok {
			flat.Nodes = append(flat.Nodes, node)
			continue
		}
		flat.Nodes = append(flat.Nodes, &parse.ActionNode{NodeType: parse.NodeAction, Pos: branch.Pos, Line: branch.Line, Pipe: branch.Pipe},
			bothBranches(branch.List))
		if branch.ElseList != nil {
			flat.Nodes = append(flat.Nodes, bothBranches(branch.ElseList))
		}
	}
	return flat
}
