package onnx

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The tests of installing stand small shell scripts where pip and npm would: they hand out archives that the test made.

const fakeLibrary = "what stands for a library"

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// fakeMember is the library of the fake archives, pinned.
func fakeMember(path string) member {
	return member{path, "libfake.so", int64(len(fakeLibrary)), sumOf(fakeLibrary)}
}

func fakeSource(tool tool, spec string) source {
	return source{tool, []string{"tag"}, onlyMember(spec, 18636930, "", fakeMember("inside/lib.so"))}
}

func fakeWheel(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func fakeTar(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

// toolPath is the PATH of a test, on which nothing lies but what the test puts there.
type toolPath struct {
	t      *testing.T
	folder string
}

func emptyPath(t *testing.T) toolPath {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins for pip and npm are shell scripts")
	}
	p := toolPath{t, t.TempDir()}
	t.Setenv("PATH", p.folder)
	return p
}

// tool puts a script on the path. Each call of it adds a line to the tool's log.
func (p toolPath) tool(name, script string) {
	p.t.Helper()
	text := fmt.Sprintf("#!/bin/sh\necho \"$@\" >> '%s'\n%s\n", p.log(name), script)
	require.NoError(p.t, os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o755))
}

func (p toolPath) log(name string) string { return filepath.Join(p.folder, name+".log") }

func (p toolPath) calls(name string) []string {
	p.t.Helper()
	text, err := os.ReadFile(p.log(name))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(p.t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// handsOut is a script that leaves an archive in the current folder.
func (p toolPath) handsOut(name string, archive []byte) string {
	p.t.Helper()
	kept := filepath.Join(p.folder, "kept-"+name)
	require.NoError(p.t, os.WriteFile(kept, archive, 0o644))
	return fmt.Sprintf("/bin/cp '%s' './%s'", kept, name)
}

// A platform of the tests' own, for which a file need not be a library.
var testTarget = target{"test/machine", false}

func testInstaller(t *testing.T, sources ...source) *installer {
	return &installer{
		root: filepath.Join(t.TempDir(), "cache"), target: testTarget, sources: sources,
		create: createFile, progress: func(string, int64, int64) {},
	}
}

// requireOnly checks that nothing but the named entries is left in the cache.
func (in *installer) requireOnly(t *testing.T, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(in.root)
	require.NoError(t, err)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	require.ElementsMatch(t, names, left)
}

const testFolder = installVersion + "-test-machine"

func TestPipBringsTheLibrary(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", p.handsOut("fake.whl", fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary, "other": "x"})))
	in := testInstaller(t, fakeSource(pip, "fake==1"))
	var stages []string
	in.progress = func(stage string, done, total int64) {
		require.LessOrEqual(t, done, total)
		stages = append(stages, stage)
	}
	library, err := in.install(t.Context())
	require.NoError(t, err)
	require.Equal(t, Library{Path: filepath.Join(in.root, testFolder, "libfake.so"), Source: "Odeon's cache (pip)", Version: installVersion}, library)
	text, err := os.ReadFile(library.Path)
	require.NoError(t, err)
	require.Equal(t, fakeLibrary, string(text))
	require.Equal(t, []string{"-m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: --python-version 3.11 --platform tag --dest . fake==1"}, p.calls("python3"))
	require.Equal(t, "ONNX Runtime 1.27.0 is not in Odeon's cache: getting it from pip (19 MB) into "+filepath.Join(in.root, testFolder), stages[0])
	require.Contains(t, stages, "downloading fake==1")
	require.Contains(t, stages, "unpacking fake==1")
	in.requireOnly(t, "lock", testFolder)

	again, err := in.install(t.Context())
	require.NoError(t, err)
	require.Equal(t, library, again)
	require.Len(t, p.calls("python3"), 1, "what is there is not fetched again")
}

func TestAPythonWithoutPipLeavesTheOtherPips(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", "echo 'python3: No module named pip' >&2; exit 1")
	p.tool("pip3", p.handsOut("fake.whl", fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary})))
	in := testInstaller(t, fakeSource(pip, "fake==1"))
	_, err := in.install(t.Context())
	require.NoError(t, err)
	require.Len(t, p.calls("pip3"), 1)
}

// broken are archives that must not reach the cache, with what is said of them.
func broken(t *testing.T) map[string]struct {
	wheel []byte
	want  string
} {
	good := fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary})
	other := []byte(fakeLibrary)
	other[0]++
	flipped := bytes.Clone(good)
	flipped[len("PK\x03\x04")+40]++
	return map[string]struct {
		wheel []byte
		want  string
	}{
		"no zip":      {[]byte("<html>a proxy's message</html>"), "fake.whl: the archive is damaged: zip: not a valid zip file"},
		"cut short":   {good[:len(good)-30], "the archive is damaged"},
		"bit flipped": {flipped, "inside/lib.so"},
		"wrong sum":   {fakeWheel(t, map[string]string{"inside/lib.so": string(other)}), "has sha256 " + sumOf(string(other)) + ", expected " + sumOf(fakeLibrary)},
		"too large":   {fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary + strings.Repeat("!", 1<<20)}), "another size than the 25 bytes expected"},
		"too small":   {fakeWheel(t, map[string]string{"inside/lib.so": "x"}), "another size than the 25 bytes expected"},
		"not inside":  {fakeWheel(t, map[string]string{"inside/other.so": fakeLibrary}), "the archive has no inside/lib.so"},
	}
}

func TestABrokenArchiveIsThrownAwayAndTheNextSourceTried(t *testing.T) {
	for name, c := range broken(t) {
		t.Run(name, func(t *testing.T) {
			p := emptyPath(t)
			p.tool("python3", p.handsOut("fake.whl", c.wheel))
			in := testInstaller(t, fakeSource(pip, "fake==1"), fakeSource(npm, "fake@1"))
			var stages []string
			in.progress = func(stage string, _, _ int64) { stages = append(stages, stage) }
			_, err := in.install(t.Context())
			var failed *InstallError
			require.ErrorAs(t, err, &failed)
			require.Contains(t, failed.Tried[0], c.want)
			require.Contains(t, stages, failed.Tried[0]+"; trying npm (19 MB)")
			require.Equal(t, "npm: npm is not on PATH", failed.Tried[1])
			in.requireOnly(t, "lock")

			p.tool("npm", p.handsOut("fake.tgz", fakeTar(t, map[string]string{"other": "x", "inside/lib.so": fakeLibrary})))
			library, err := in.install(t.Context())
			require.NoError(t, err)
			require.Equal(t, "Odeon's cache (npm)", library.Source)
			in.requireOnly(t, "lock", testFolder)
		})
	}
}

func TestATarThatIsNoneIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"no gzip":   {[]byte("no gzip at all"), "the archive is damaged: gzip: invalid header"},
		"cut short": {fakeTar(t, map[string]string{"inside/lib.so": fakeLibrary})[:40], "the archive is damaged"},
		"empty":     {fakeTar(t, nil), "the archive has no inside/lib.so"},
	} {
		t.Run(name, func(t *testing.T) {
			p := emptyPath(t)
			p.tool("npm", p.handsOut("fake.tgz", c.archive))
			in := testInstaller(t, fakeSource(npm, "fake@1"))
			_, err := in.install(t.Context())
			require.ErrorContains(t, err, c.want)
			in.requireOnly(t, "lock")
		})
	}
}

func TestWithoutPipAndNpmTheMessageSaysWhatToDo(t *testing.T) {
	emptyPath(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	in := testInstaller(t, fakeSource(pip, "fake==1"), fakeSource(npm, "fake@1"), fakeSource(web, server.URL+"/fake.tgz"))
	_, err := in.install(t.Context())
	require.EqualError(t, err, "ONNX Runtime 1.27.0 for test/machine could not be installed: "+
		"pip: python3 -m pip, pip3 and pip are not on PATH; npm: npm is not on PATH; release archive: "+server.URL+"/fake.tgz answered 404 Not Found. "+
		"Install pip or npm, or get ONNX Runtime 1.24 or newer by other means and set ONNXRUNTIME_SHARED_LIBRARY_PATH to its library")
}

func TestWhatAToolSaysIsHandedOn(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", "echo 'ERROR: No matching distribution found for fake==1' >&2; exit 1")
	p.tool("npm", "exit 0")
	in := testInstaller(t, fakeSource(pip, "fake==1"), fakeSource(npm, "fake@1"))
	_, err := in.install(t.Context())
	require.ErrorContains(t, err, "ended with exit status 1: ERROR: No matching distribution found for fake==1")
	require.ErrorContains(t, err, "npm: the tool ended well but left no archive")
}

func TestAReleaseArchiveIsTakenBySumOnly(t *testing.T) {
	good := fakeTar(t, map[string]string{"inside/lib.so": fakeLibrary})
	served := good
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(served) }))
	defer server.Close()
	from := source{web, nil, onlyMember(server.URL+"/v1/fake.tgz", int64(len(good)), sumOf(string(good)), member{path: "inside/lib.so", name: "libfake.so"})}

	in := testInstaller(t, from)
	served = fakeTar(t, map[string]string{"inside/lib.so": "an attacker's library"})
	_, err := in.install(t.Context())
	require.ErrorContains(t, err, "the archive's sha256 is "+sumOf(string(served))+", expected "+sumOf(string(good)))
	in.requireOnly(t, "lock")

	served = good
	library, err := in.install(t.Context())
	require.NoError(t, err)
	m, err := readManifest(filepath.Dir(library.Path))
	require.NoError(t, err)
	require.Equal(t, []installedFile{{"libfake.so", int64(len(fakeLibrary)), sumOf(fakeLibrary)}}, m.Files)
	require.Equal(t, []string{server.URL + "/v1/fake.tgz"}, m.Packages)

	// On this machine's own platform what comes must be ONNX Runtime as well.
	in.target = thisTarget(false)
	in.sources = []source{from}
	_, err = in.install(t.Context())
	require.ErrorContains(t, err, "no shared library")
	in.requireOnly(t, "lock", testFolder)
}

func TestOfManyThatInstallAtOnceOneDoes(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", "/bin/sleep 0.2\n"+p.handsOut("fake.whl", fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary})))
	first := testInstaller(t, fakeSource(pip, "fake==1"))
	libraries := make([]Library, 4)
	errs := make([]error, 4)
	var group sync.WaitGroup
	for i := range libraries {
		group.Go(func() {
			in := *first
			libraries[i], errs[i] = in.install(t.Context())
		})
	}
	group.Wait()
	for i := range libraries {
		require.NoError(t, errs[i])
		require.Equal(t, libraries[0], libraries[i])
	}
	require.Len(t, p.calls("python3"), 1)
	first.requireOnly(t, "lock", testFolder)
}

func TestAnInterruptionLeavesNothing(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", "echo half > half.whl; exec /bin/sleep 60")
	in := testInstaller(t, fakeSource(pip, "fake==1"), fakeSource(npm, "fake@1"))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for p.calls("python3") == nil {
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	_, err := in.install(ctx)
	require.ErrorIs(t, err, context.Canceled)
	in.requireOnly(t, "lock")

	// One that waits for the lock is interrupted too.
	unlock, err := in.lock(t.Context())
	require.NoError(t, err)
	defer unlock()
	waiting, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, err = in.install(waiting)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", p.handsOut("fake.whl", fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary})))
	in := testInstaller(t, fakeSource(pip, "fake==1"))
	require.NoError(t, os.MkdirAll(filepath.Join(in.root, temporary+"123", "download"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(in.root, testFolder), 0o755)) // complete only with its list
	_, err := in.install(t.Context())
	require.NoError(t, err)
	in.requireOnly(t, "lock", testFolder)
}

func TestADamagedCacheIsPassedOverAndReplaced(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", p.handsOut("fake.whl", fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary})))
	in := testInstaller(t, fakeSource(pip, "fake==1"))
	library, err := in.install(t.Context())
	require.NoError(t, err)
	folder := filepath.Dir(library.Path)
	for name, damage := range map[string]func() error{
		"has 5 bytes, was installed with 25": func() error { return os.WriteFile(library.Path, []byte("short"), 0o644) },
		"libfake.so is missing":              func() error { return os.Remove(library.Path) },
		"installed.json is damaged":          func() error { return os.WriteFile(filepath.Join(folder, manifestName), []byte("{"), 0o644) },
	} {
		require.NoError(t, damage())
		_, err := readManifest(folder)
		require.ErrorContains(t, err, name)
		_, err = in.install(t.Context())
		require.NoError(t, err)
		_, err = readManifest(folder)
		require.NoError(t, err)
	}
	// A change that keeps the size is seen when installing.
	changed := strings.Replace(fakeLibrary, "what", "that", 1)
	require.NoError(t, os.WriteFile(library.Path, []byte(changed), 0o644))
	_, err = in.install(t.Context())
	require.NoError(t, err)
	text, err := os.ReadFile(library.Path)
	require.NoError(t, err)
	require.Equal(t, fakeLibrary, string(text))
	in.requireOnly(t, "lock", testFolder)
}

// fullFile is a file on a disk with room for a few bytes.
type fullFile struct{ *os.File }

func (f fullFile) Write(b []byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
}

func TestAFullDiskIsSaid(t *testing.T) {
	p := emptyPath(t)
	p.tool("python3", p.handsOut("fake.whl", fakeWheel(t, map[string]string{"inside/lib.so": fakeLibrary})))
	in := testInstaller(t, fakeSource(pip, "fake==1"), fakeSource(npm, "fake@1"))
	in.create = func(path string) (writeSyncCloser, error) {
		file, err := os.Create(path)
		return fullFile{file}, err
	}
	_, err := in.install(t.Context())
	require.ErrorContains(t, err, "no space left in "+in.root)
	require.NotContains(t, err.Error(), "npm", "another source would not help")
	in.requireOnly(t, "lock")

	p.tool("python3", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 2")
	in.create = createFile
	_, err = in.install(t.Context())
	require.ErrorContains(t, err, "no space left in "+in.root)
}

func TestACacheThatCannotBeWrittenIsSaid(t *testing.T) {
	in := testInstaller(t, fakeSource(pip, "fake==1"))
	require.NoError(t, os.WriteFile(filepath.Dir(in.root)+"/cache", nil, 0o644)) // a file where the folder would be
	_, err := in.install(t.Context())
	require.ErrorContains(t, err, "the cache folder cannot be written")
	require.ErrorContains(t, err, LibraryVariable)
}

func TestAPlatformWithoutSourcesIsSaid(t *testing.T) {
	in := testInstaller(t)
	_, err := in.install(t.Context())
	require.EqualError(t, err, "there is no ONNX Runtime for test/machine to install: get version 1.24 or newer by other means and set ONNXRUNTIME_SHARED_LIBRARY_PATH to its library")
	in.target.gpu = true
	_, err = in.install(t.Context())
	require.ErrorContains(t, err, "there is no ONNX Runtime for a GPU for test/machine")
}

// Everything that can be installed is pinned, by its own sum or that of its archive, and the library of each platform has the name
// by which it is found.
func TestEverySourceIsPinned(t *testing.T) {
	for target, sources := range installs {
		for _, s := range sources {
			for _, a := range s.archives {
				for _, m := range a.members {
					if a.sum == "" {
						require.Len(t, m.sum, 64, "%v %s %s", target, a.spec, m.path)
						require.Positive(t, m.size, "%v %s %s", target, a.spec, m.path)
					} else {
						require.Len(t, a.sum, 64, "%v %s", target, a.spec)
					}
				}
			}
			goos, _, _ := strings.Cut(target.platform, "/")
			matched := false
			for _, pattern := range libraryNames[goos] {
				ok, err := filepath.Match(pattern, s.archives[0].members[0].name)
				require.NoError(t, err)
				matched = matched || ok
			}
			require.True(t, matched, "%v", target)
			require.GreaterOrEqual(t, s.space(), 2*s.archives[0].size)
		}
	}
}
