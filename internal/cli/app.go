package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
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

// Main runs the command line args (without the program's name) and returns the process's exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, stdout, stderr)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	args, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{app.Name}, args...))
	}
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "odeon: interrupted; no file was left incomplete")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "odeon: %s\n", strings.TrimSpace(err.Error()))
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:      "odeon",
		Usage:     "samples from diffusion and flow-matching models in ONNX files",
		UsageText: "odeon COMMAND [MODEL] [flags]",
		Description: "MODEL is an ONNX file, a card (JSON), a folder with either, or the name of an embedded model\n" +
			"(odeon models lists them). Start with: odeon sample",
		Commands:                  []*cli.Command{sampleCommand(), infoCommand(), planCommand(), providersCommand(), modelsCommand(), runtimeCommand()},
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
