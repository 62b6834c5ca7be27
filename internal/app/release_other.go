//go:build !linux

package app

// releaseProgram does nothing here.
func releaseProgram() {}
