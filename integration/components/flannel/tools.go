//go:build tools

// Package tools pins Flannel's daemon, which is measured beside vcnd.
package tools

import (
	_ "github.com/flannel-io/flannel"
)
