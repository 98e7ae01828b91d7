package onnx

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// largestMember bounds what is unpacked where no size is pinned.
const largestMember = 1 << 30

// extract writes the members of an archive (a wheel, a zip or a gzipped tar) into a folder, checked against what is
// pinned, and returns what it wrote. progress is told the bytes written so far.
func extract(ctx context.Context, path string, a archive, folder string, create createFunc, progress func(int64)) ([]installedFile, error) {
	if a.sum != "" {
		sum, err := fileSum(path)
		if err != nil {
			return nil, err
		}
		if sum != a.sum {
			return nil, fmt.Errorf("the archive's sha256 is %s, expected %s: it is not what was published", sum, a.sum)
		}
	}
	read := fromTar
	if strings.HasSuffix(path, ".whl") || strings.HasSuffix(path, ".zip") {
		read = fromZip
	}
	files := make([]installedFile, len(a.members))
	var before int64
	err := read(path, a.members, func(i int, r io.Reader) error {
		m := a.members[i]
		file, err := writeMember(ctx, r, m, filepath.Join(folder, m.name), create, func(n int64) { progress(before + n) })
		if err != nil {
			return err
		}
		files[i] = file
		before += file.Size
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, m := range a.members {
		if files[i].Name == "" {
			return nil, fmt.Errorf("the archive has no %s", m.path)
		}
	}
	return files, nil
}

// writeMember copies one file out of an archive and makes sure of it: on the disk, of the right size and sum.
func writeMember(ctx context.Context, r io.Reader, m member, path string, create createFunc, progress func(int64)) (installedFile, error) {
	limit := m.size
	if m.sum == "" {
		limit = largestMember
	}
	file, err := create(path)
	if err != nil {
		return installedFile{}, err
	}
	defer file.Close()
	sum := sha256.New()
	counted := &progressReader{r: &contextReader{ctx, io.LimitReader(r, limit+1)}, progress: progress}
	n, err := io.Copy(io.MultiWriter(file, sum), counted)
	if err != nil {
		return installedFile{}, fmt.Errorf("unpacking %s: %w", m.path, err)
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	switch {
	case m.sum == "" && n > limit:
		return installedFile{}, fmt.Errorf("%s in the archive is larger than %d bytes", m.path, limit)
	case m.sum != "" && n != m.size:
		return installedFile{}, fmt.Errorf("%s in the archive has another size than the %d bytes expected", m.path, m.size)
	case m.sum != "" && digest != m.sum:
		return installedFile{}, fmt.Errorf("%s in the archive has sha256 %s, expected %s: it is not what was published", m.path, digest, m.sum)
	}
	if err := file.Sync(); err != nil {
		return installedFile{}, err
	}
	if err := file.Close(); err != nil {
		return installedFile{}, err
	}
	return installedFile{m.name, n, digest}, nil
}

func fromZip(path string, members []member, each func(int, io.Reader) error) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("the archive is damaged: %w", err)
	}
	defer archive.Close()
	for i, m := range members {
		file, err := archive.Open(m.path)
		if err != nil {
			return fmt.Errorf("the archive has no %s", m.path)
		}
		err = each(i, file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func fromTar(path string, members []member, each func(int, io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return fmt.Errorf("the archive is damaged: %w", err)
	}
	left := len(members)
	for archive := tar.NewReader(unzipped); left > 0; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the archive is damaged: %w", err)
		}
		for i, m := range members {
			if header.Name == m.path && header.Typeflag == tar.TypeReg {
				if err := each(i, archive); err != nil {
					return err
				}
				left--
			}
		}
	}
	return nil
}

// createFunc makes a new file to write.
type createFunc func(path string) (writeSyncCloser, error)

type writeSyncCloser interface {
	io.WriteCloser
	Sync() error
}

func createFile(path string) (writeSyncCloser, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// contextReader stops reading when the context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

type progressReader struct {
	r        io.Reader
	n        int64
	progress func(int64)
}

func (c *progressReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.progress(c.n)
	return n, err
}
