// Command worker is cyclonus' worker with more connections at once: each that is denied
// waits a second, twice, and a pod has 54 of them.
package main

import (
	"os"

	"github.com/mattfenwick/cyclonus/pkg/worker"
)

func main() {
	os.Args = append(os.Args, "--concurrency=27")
	worker.Run()
}
