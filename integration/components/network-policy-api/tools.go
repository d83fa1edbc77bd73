//go:build tools

// Package tools pins the conformance tests of ClusterNetworkPolicy, and its CRDs.
package tools

import (
	_ "sigs.k8s.io/network-policy-api/conformance"
	_ "sigs.k8s.io/network-policy-api/conformance/apis/v1alpha1"
	_ "sigs.k8s.io/network-policy-api/conformance/tests"
)
