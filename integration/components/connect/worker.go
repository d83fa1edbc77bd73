package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	attempts = 2 // as cyclonus' worker makes
	patience = time.Second
)

// batch is what cyclonus sends its worker, the rest of which it wants back.
type batch struct {
	Requests []json.RawMessage
}

type request struct {
	Protocol string
	Host     string
	Port     int
}

type result struct {
	Request json.RawMessage
	Output  string
	Error   string
}

// work does what cyclonus' worker does, but connects all at once, starts no program, and
// looks each name up once: a thousand look-ups at once lose packets.
func work(jobs string, output io.Writer) error {
	var asked batch
	if err := json.Unmarshal([]byte(jobs), &asked); err != nil {
		return err
	}
	names := map[string]func() (string, error){}
	results := make(chan result)
	for _, one := range asked.Requests {
		var r request
		if err := json.Unmarshal(one, &r); err != nil {
			return err
		}
		if names[r.Host] == nil {
			names[r.Host] = sync.OnceValues(func() (string, error) { return lookUp(r.Host) })
		}
		name := names[r.Host]
		go func() { results <- answer(one, r, name) }()
	}
	answers := make([]result, 0, len(asked.Requests))
	for range asked.Requests {
		answers = append(answers, <-results)
	}
	return json.NewEncoder(output).Encode(answers)
}

// lookUp returns the address of a name, which is a whole one.
func lookUp(host string) (string, error) {
	if net.ParseIP(host) != nil {
		return host, nil
	}
	return repeated(func() (string, error) {
		while, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		found, err := net.DefaultResolver.LookupIP(while, "ip4", host+".")
		if err != nil {
			return "", err
		}
		return found[0].String(), nil
	})
}

func answer(asked json.RawMessage, r request, name func() (string, error)) result {
	address, err := name()
	connect, known := protocols[strings.ToLower(r.Protocol)]
	if err == nil && !known {
		err = fmt.Errorf("protocol %q", r.Protocol)
	}
	if err == nil {
		target := net.JoinHostPort(address, strconv.Itoa(r.Port))
		_, err = repeated(func() (any, error) { return nil, connect(target, patience) })
	}
	if err != nil {
		return result{Request: asked, Error: fmt.Sprintf("%s: %v", word(err), err)}
	}
	return result{Request: asked}
}

func repeated[T any](attempt func() (T, error)) (T, error) {
	found, err := attempt()
	for n := 1; err != nil && n < attempts; n++ {
		found, err = attempt()
	}
	return found, err
}
