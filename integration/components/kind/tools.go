//go:build tools

// Package tools pins kind's command line.
package tools

import (
	_ "sigs.k8s.io/kind"
)
