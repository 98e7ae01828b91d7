package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"odeon/internal/atomicfile"
	"odeon/internal/shellword"
	"odeon/train"
)

// Exit codes, fixed for scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// usageError is a mistake that shows in the command line alone.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// An interrupted command has prompt to end by itself, whatever else is pressed, and grace while nothing is.
const (
	prompt = 300 * time.Millisecond
	grace  = 600 * time.Millisecond
)

// interrupted says so, over the ^C that the terminal has echoed, and how a command goes on that has saved its work.
func interrupted(stderr io.Writer, args []string, err error) int {
	if f := terminal(stderr); f != nil {
		fmt.Fprint(f, "\r")
	}
	text := "interrupted; no file was left incomplete"
	var saved *train.SavedError
	if errors.As(err, &saved) {
		text = fmt.Sprintf("interrupted; step %d is saved in %s; go on with: %s", saved.Step, saved.File, again(args, "--resume"))
	}
	fmt.Fprintf(stderr, "odeon: %s\n", text)
	return exitInterrupted
}

// again is the command line args with one more flag, as a shell takes it.
func again(args []string, flag string) string {
	words := []string{"odeon"}
	for _, word := range args {
		words = append(words, shellword.Quote(word))
	}
	if !slices.Contains(args, flag) {
		words = append(words, flag)
	}
	return strings.Join(words, " ")
}

// saving is set by a command that saves its work when it is interrupted, which takes as long as it takes. A second Ctrl-C
// ends it all the same.
type saving struct{ atomic.Bool }

type savingKey struct{}

// willSave says that the command will save its work when ctx ends.
func willSave(ctx context.Context) {
	if s, ok := ctx.Value(savingKey{}).(*saving); ok {
		s.Store(true)
	}
}

// Main runs the command line args (without the program's name) and returns the process's exit code. After Ctrl-C a
// command unwinds by itself within a network call. What hears nothing, such as reading from a pipe that nobody fills, is left
// where it stands after the grace or at a second Ctrl-C.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	work := &saving{}
	ctx = context.WithValue(ctx, savingKey{}, work)
	// A pipe that nobody reads any more is an error of the write to it, not the end of the process and its temporary files.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, stdout, stderr) }()
	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}
	select {
	case c := <-code:
		return c
	case <-time.After(prompt):
	}
	second := make(chan os.Signal, 1)
	signal.Notify(second, os.Interrupt, syscall.SIGTERM)
	var late <-chan time.Time // never, while work is being saved
	if !work.Load() {
		late = time.After(grace)
	}
	select {
	case c := <-code:
		return c
	case <-second:
	case <-late:
	}
	atomicfile.AbortAll()
	return interrupted(stderr, args, nil)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out, messages := &screen{Writer: stdout}, &screen{Writer: stderr}
	app := newApp(out, messages)
	arranged, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, arranged...))
	}
	if out.err != nil && (err == nil || errors.Is(err, out.err)) {
		if errors.Is(out.err, syscall.EPIPE) {
			return exitDone // the reader has seen enough: odeon plan | head
		}
		err = fmt.Errorf("the report could not be written: %w", out.err)
	}
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil {
		return interrupted(messages, args, err)
	}
	fmt.Fprintf(messages, "odeon: %s\n", message(err))
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

// message is the text of an error. A list below its first line stays one; other ends of lines, and lines without end, are
// a stranger's.
func message(err error) string {
	const item = "\n  "
	lines := strings.Split(strings.TrimSpace(err.Error()), item)
	for i := range lines {
		lines[i] = shortened(oneLine(lines[i]), 2000)
	}
	return strings.Join(lines, item)
}

func newApp(stdout, stderr io.Writer) *cli.App {
	cli.HelpPrinter = printHelp
	commands := []*cli.Command{sampleCommand(), infoCommand(), planCommand(), convertCommand(), compileCommand(), trainCommand(), providersCommand(), modelsCommand(), solversCommand(), runtimeCommand()}
	for _, c := range commands {
		noHelpCommand(c)
	}
	return &cli.App{
		Name:      "odeon",
		Usage:     "samples from diffusion and flow-matching models in ONNX files, and trains them",
		UsageText: "odeon COMMAND [MODEL] [flags]",
		Description: "MODEL is an ONNX file, a card (JSON), a folder with either, or the name of an embedded model.\n" +
			"Begin with:\n\n" +
			"  odeon sample                          samples of the embedded default, as a picture\n" +
			"  odeon info model.onnx                 what your network is, and what a card must still say\n" +
			"  odeon sample model.onnx -o grid.png   its samples\n" +
			"  odeon train --data moons              a network of your own",
		Commands:                  commands,
		Flags:                     []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "Odeon's version, ONNX Runtime's, the commit"}},
		HideVersion:               true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		Writer:                    stdout,
		ErrWriter:                 stderr,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usageError{err} },
		Action: func(c *cli.Context) error {
			if c.Bool("version") {
				return printVersion(c.App.Writer)
			}
			return cli.ShowAppHelp(c)
		},
	}
}

// noHelpCommand keeps urfave/cli from taking a MODEL called help for a command; arrange knows odeon help COMMAND.
func noHelpCommand(c *cli.Command) {
	c.HideHelpCommand = true
	for _, sub := range c.Subcommands {
		noHelpCommand(sub)
	}
}
