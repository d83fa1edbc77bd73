//go:build tools

// Package tools pins kube-router, whose policies are measured beside vcnd's.
package tools

import (
	_ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
)
