//go:build tools

// Package tools pins cyclonus, which tests network policies.
package tools

import (
	_ "github.com/mattfenwick/cyclonus/pkg/cli"
)
