package schedule

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on what is read: a formula in a file from elsewhere must cost neither the stack (which the length bounds) nor a second
// (derivatives evaluate in time that is quadratic in nodes and depth).
const (
	maxFormulaBytes = 1000
	maxFormulaNodes = 256
	maxFormulaDepth = 40
)

// A FormulaError says where a text stops being a formula.
type FormulaError struct {
	Text   string
	Column int // from 1, in characters
	Reason string
}

// Error shows the text, the column, and what was found and expected there.
func (e *FormulaError) Error() string {
	return fmt.Sprintf("formula %q, column %d: %s", clip(e.Text, 80), e.Column, e.Reason)
}

// ParseFormula reads a formula in which only the given variables may occur. A mistake is a *FormulaError, whose message
// shows the column, what was found there and what was expected.
func ParseFormula(text string, variables ...string) (*Formula, error) {
	p := &parser{text: text, variables: variables, depth: map[*Expr]int{}}
	if len(text) > maxFormulaBytes {
		return nil, &FormulaError{text, maxFormulaBytes + 1, fmt.Sprintf("the formula has %d characters; at most %d are read", len(text), maxFormulaBytes)}
	}
	root, err := p.sum()
	if err != nil {
		return nil, err
	}
	if p.peek() != 0 {
		return nil, p.expected("an operator (+ - * / ^) or the end")
	}
	return &Formula{root: root, variables: append([]string(nil), variables...)}, nil
}

// parser descends through the grammar
//
//	sum     = product { ("+" | "-") product }
//	product = signed { ("*" | "/") signed }
//	signed  = ("-" | "+") signed | power
//	power   = atom [ "^" signed ]
//	atom    = number | "pi" | variable | function "(" sum { "," sum } ")" | "(" sum ")"
type parser struct {
	text      string
	pos       int // byte offset
	nodes     int
	depth     map[*Expr]int // of the nodes read so far
	variables []string
}

func (p *parser) sum() (*Expr, error) {
	return p.chain("+-", p.product)
}

func (p *parser) product() (*Expr, error) {
	return p.chain("*/", p.signed)
}

// chain reads operands joined by the operators, grouping to the left.
func (p *parser) chain(operators string, operand func() (*Expr, error)) (*Expr, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for c := p.peek(); c != 0 && strings.IndexByte(operators, c) >= 0; c = p.peek() {
		op := map[byte]Op{'+': OpAdd, '-': OpSub, '*': OpMul, '/': OpDiv}[c]
		p.pos++
		right, err := operand()
		if err != nil {
			return nil, err
		}
		if left, err = p.node(&Expr{Op: op, Args: []*Expr{left, right}}); err != nil {
			return nil, err
		}
	}
	return left, nil
}

func (p *parser) signed() (*Expr, error) {
	switch p.peek() {
	case '+':
		p.pos++
		return p.signed()
	case '-':
		p.pos++
		arg, err := p.signed()
		if err != nil {
			return nil, err
		}
		return p.node(&Expr{Op: OpNeg, Args: []*Expr{arg}})
	}
	base, err := p.atom()
	if err != nil || p.peek() != '^' {
		return base, err
	}
	p.pos++
	exponent, err := p.signed()
	if err != nil {
		return nil, err
	}
	return p.node(&Expr{Op: OpPow, Args: []*Expr{base, exponent}})
}

func (p *parser) atom() (*Expr, error) {
	switch c := p.peek(); {
	case c == '(':
		p.pos++
		inner, err := p.sum()
		if err != nil {
			return nil, err
		}
		return inner, p.accept(')')
	case isDigit(c) || c == '.':
		return p.number()
	case isLetter(c):
		return p.name()
	}
	return nil, p.expected(p.operand())
}

// number reads digits, a point, an exponent: 3, .5, 1e-4.
func (p *parser) number() (*Expr, error) {
	start := p.pos
	end := start
	digits := func() (n int) {
		for ; end < len(p.text) && isDigit(p.text[end]); end++ {
			n++
		}
		return n
	}
	n := digits()
	if end < len(p.text) && p.text[end] == '.' {
		end++
		n += digits()
	}
	if n == 0 {
		return nil, p.expected("a digit beside the decimal point")
	}
	if mantissa := end; end < len(p.text) && (p.text[end] == 'e' || p.text[end] == 'E') {
		end++
		if end < len(p.text) && (p.text[end] == '+' || p.text[end] == '-') {
			end++
		}
		if digits() == 0 {
			end = mantissa
		}
	}
	value, err := strconv.ParseFloat(p.text[start:end], 64)
	if err != nil || math.IsInf(value, 0) {
		return nil, p.errorAt(start, clip(p.text[start:end], 40)+" is beyond the range of float64")
	}
	p.pos = end
	return p.node(&Expr{Op: OpNumber, Value: value})
}

// name reads a variable, pi, or a function with its arguments.
func (p *parser) name() (*Expr, error) {
	start := p.pos
	end := start
	for end < len(p.text) && (isLetter(p.text[end]) || isDigit(p.text[end])) {
		end++
	}
	name := p.text[start:end]
	p.pos = end
	for slot, variable := range p.variables {
		if name == variable {
			return p.node(&Expr{Op: OpVariable, Name: name, slot: slot})
		}
	}
	if name == "pi" {
		return p.node(&Expr{Op: OpNumber, Value: math.Pi})
	}
	op, ok := functionOps[name]
	if !ok {
		known := append(append([]string{}, p.variables...), functionNames...)
		return nil, p.errorAt(start, fmt.Sprintf("unknown name %q%s; expected %s", clip(name, 40), hint(name, append(known, "pi")), p.operand()))
	}
	if err := p.accept('('); err != nil {
		return nil, err
	}
	args := make([]*Expr, operations[op].args)
	for i := range args {
		if i > 0 {
			if err := p.accept(','); err != nil {
				return nil, err
			}
		}
		var err error
		if args[i], err = p.sum(); err != nil {
			return nil, err
		}
	}
	if err := p.accept(')'); err != nil {
		return nil, err
	}
	return p.node(&Expr{Op: op, Args: args})
}

// node counts what the tree holds and how deep it nests. Sums and products nest to the right only: a long sum is not deep.
func (p *parser) node(e *Expr) (*Expr, error) {
	p.nodes++
	if p.nodes > maxFormulaNodes {
		return nil, p.errorAt(p.pos, fmt.Sprintf("more than %d operations", maxFormulaNodes))
	}
	depth := 0
	for i, arg := range e.Args {
		isChain := i == 0 && (e.prec() == precSum || e.prec() == precProduct)
		if isChain {
			depth = max(depth, p.depth[arg])
		} else {
			depth = max(depth, p.depth[arg]+1)
		}
	}
	if depth > maxFormulaDepth {
		return nil, p.errorAt(p.pos, fmt.Sprintf("nested more than %d deep", maxFormulaDepth))
	}
	p.depth[e] = depth
	return e, nil
}

// peek is the next character that is not a space, 0 at the end.
func (p *parser) peek() byte {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.pos == len(p.text) {
		return 0
	}
	if p.text[p.pos] == 0 {
		return 0xff // a character like any other that begins nothing
	}
	return p.text[p.pos]
}

func (p *parser) accept(c byte) error {
	if p.peek() != c {
		return p.expected(strconv.Quote(string(c)))
	}
	p.pos++
	return nil
}

// operand describes what may stand where a value is expected.
func (p *parser) operand() string {
	variables := "no variables are allowed here"
	if len(p.variables) > 0 {
		variables = "a variable (" + strings.Join(p.variables, ", ") + ")"
	}
	return fmt.Sprintf("a number, pi, %s, a function (%s) or %q", variables, strings.Join(functionNames, ", "), "(")
}

func (p *parser) expected(what string) error {
	found := "the end"
	if p.peek() != 0 {
		r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
		found = strconv.Quote(string(r))
	}
	return p.errorAt(p.pos, fmt.Sprintf("found %s, expected %s", found, what))
}

func (p *parser) errorAt(pos int, reason string) error {
	return &FormulaError{Text: p.text, Column: utf8.RuneCountInString(p.text[:pos]) + 1, Reason: reason}
}

// functionNames in the order in which messages list them, functionOps what they are read as.
var functionNames, functionOps = functions()

func functions() (names []string, ops map[string]Op) {
	ops = map[string]Op{}
	for op := OpSqrt; op <= OpMax; op++ {
		names = append(names, op.String())
		ops[op.String()] = op
	}
	ops["pow"] = OpPow
	return append(names, "pow"), ops
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
