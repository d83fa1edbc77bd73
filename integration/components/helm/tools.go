//go:build tools

// Package tools pins Helm's command line.
package tools

import (
	_ "helm.sh/helm/v4/cmd/helm"
)
