package onnx

import (
	"errors"
	"syscall"
)

// load loads a shared library for the rest of the process.
func load(path string) error {
	_, err := syscall.LoadLibrary(path)
	return err
}

func isDiskFull(err error) bool {
	const handleDiskFull, diskFull = syscall.Errno(39), syscall.Errno(112)
	return errors.Is(err, handleDiskFull) || errors.Is(err, diskFull)
}

// syncFolder does nothing: Windows has no such thing, renames are journalled.
func syncFolder(string) error { return nil }
