// Package ortest opens ONNX Runtime for tests. [Open] is for those that nothing else can stand in for, and installs it as
// odeon sample would where there is none; [Found] is for those that are left out then.
package ortest
