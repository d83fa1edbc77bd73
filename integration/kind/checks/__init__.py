"""What ``./vcn kind test`` looks at: one function a check, named as it is told."""
