package onnx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// tool is a way of downloading: it leaves one archive in the folder. What it asks for is checked by the tool itself (pip and
// npm compare with their registry's sums) and again, against the sums pinned here, when it is unpacked.
type tool struct {
	name  string
	fetch func(ctx context.Context, folder string, tags []string, a archive, progress func(int64)) error
}

var (
	pip = tool{"pip", fetchPip}
	npm = tool{"npm", fetchNpm}
	web = tool{"release archive", fetchWeb}
)

// pythonTag is the Python whose wheels are asked for: ONNX Runtime has one a version, with the same library in each.
const pythonTag = "3.11"

// pips are the ways in which pip is called, in the order in which they are looked for.
var pips = [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-m", "pip"}}

func fetchPip(ctx context.Context, folder string, tags []string, a archive, progress func(int64)) error {
	args := []string{"download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary", ":all:", "--python-version", pythonTag}
	for _, tag := range tags {
		args = append(args, "--platform", tag)
	}
	args = append(args, "--dest", ".", a.spec)
	err := errors.New("python3 -m pip, pip3 and pip are not on PATH")
	for _, call := range pips {
		if _, missing := exec.LookPath(call[0]); missing != nil {
			continue
		}
		err = runTool(ctx, folder, append(call[:len(call):len(call)], args...), progress)
		// A python3 without pip leaves the others; what pip itself says is final.
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "No module named pip") {
			return err
		}
	}
	return err
}

func fetchNpm(ctx context.Context, folder string, _ []string, a archive, progress func(int64)) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return errors.New("npm is not on PATH")
	}
	return runTool(ctx, folder, []string{"npm", "pack", "--silent", "--pack-destination", ".", a.spec}, progress)
}

// runTool runs a command in the folder, telling progress the size of the largest file that grows there: the download.
func runTool(ctx context.Context, folder string, command []string, progress func(int64)) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = folder
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = 100 * time.Millisecond // a child of the tool may hold the output open after the tool is stopped
	// What the tool keeps while it works lies in the folder too, so that it shows the progress and goes with it.
	cmd.Env = append(os.Environ(), "TMPDIR="+folder, "TEMP="+folder, "TMP="+folder)
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				return fmt.Errorf("`%s` ended with %w: %s", strings.Join(command, " "), err, lastLines(output.String()))
			}
			return nil
		case <-ticks.C:
			progress(largestFile(folder))
		}
	}
}

// lastLines is the end of what a tool said, where it says what went wrong.
func lastLines(output string) string {
	const most = 3
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], " / ")
}

func largestFile(folder string) int64 {
	var largest int64
	// Files come and go while the tool works, so one that cannot be read is no error.
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			largest = max(largest, info.Size())
		}
		return nil
	})
	return largest
}

// patience bounds the wait for a server that does not answer; a slow download may take as long as it takes.
const patience = 30 * time.Second

func fetchWeb(ctx context.Context, folder string, _ []string, a archive, progress func(int64)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.spec, nil)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = patience
	client := http.Client{Transport: transport}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", a.spec, response.Status)
	}
	file, err := createFile(filepath.Join(folder, path.Base(request.URL.Path)))
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := io.Copy(file, &progressReader{r: io.LimitReader(response.Body, largestMember), progress: progress})
	if err != nil {
		return fmt.Errorf("%s: the download ended after %d bytes: %w", a.spec, n, err)
	}
	return file.Close()
}

// fetched is the one archive that a tool left in the folder.
func fetched(folder string) (string, error) {
	for _, pattern := range []string{"*.whl", "*.tgz", "*.zip"} {
		found, err := filepath.Glob(filepath.Join(globEscape(folder), pattern))
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	return "", errors.New("the tool ended well but left no archive")
}
