// Command connect stands for agnhost and for cyclonus' worker where suites test network
// policies.
//
// It connects by TCP and UDP as agnhost does, but starts in a fiftieth of the time; as
// the worker it starts no program for a connection.  Cyclonus makes some 500 for each
// probe of its pods.  It serves and connects SCTP with raw IPv4 packets, since a kernel
// may have no SCTP sockets: a server answers INIT with INIT ACK, and a client is
// connected once that arrives.  Policies judge the first packet, so nothing more is
// needed to see their verdict.  It calls the real agnhost for everything else.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	real    = "/agnhost.real"
	longest = 10 * time.Second
)

func fail(err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", word(err), err)
	os.Exit(1)
}

// attempt reads agnhost's options; false: it has others than these.
func attempt(arguments []string) (protocol, destination string, limit time.Duration, ok bool) {
	protocol, limit = "tcp", longest
	for _, a := range arguments {
		if text, found := strings.CutPrefix(a, "--timeout="); found {
			if d, err := time.ParseDuration(text); err == nil && d > 0 {
				limit = d
			}
		} else if text, found := strings.CutPrefix(a, "--protocol="); found {
			protocol = text
		} else if strings.HasPrefix(a, "-") {
			return "", "", 0, false
		} else {
			destination = a
		}
	}
	return protocol, destination, limit, true
}

func main() {
	arguments := os.Args[1:]
	if filepath.Base(os.Args[0]) == "worker" && len(arguments) == 2 && arguments[0] == "--jobs" {
		if err := work(arguments[1], os.Stdout); err != nil {
			fail(err)
		}
		return
	}
	if len(arguments) > 0 && arguments[0] == "porter" {
		if ports := served(); len(ports) > 0 {
			fail(serveOn(ports))
		}
	}
	if len(arguments) > 0 && arguments[0] == "connect" {
		protocol, destination, limit, ok := attempt(arguments[1:])
		if connect, found := protocols[protocol]; ok && found {
			if err := connect(destination, limit); err != nil {
				fail(err)
			}
			return
		}
	}
	fail(syscall.Exec(real, append([]string{"/agnhost"}, arguments...), os.Environ()))
}
