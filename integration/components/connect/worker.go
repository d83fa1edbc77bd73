package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
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

// work does what cyclonus' worker does, but connects all at once and starts no program.
func work(jobs string, output io.Writer) error {
	var asked batch
	if err := json.Unmarshal([]byte(jobs), &asked); err != nil {
		return err
	}
	results := make(chan result)
	for _, one := range asked.Requests {
		go func() { results <- answer(one) }()
	}
	answers := make([]result, 0, len(asked.Requests))
	for range asked.Requests {
		answers = append(answers, <-results)
	}
	return json.NewEncoder(output).Encode(answers)
}

func answer(asked json.RawMessage) result {
	err := attempted(asked)
	for n := 1; err != nil && n < attempts; n++ {
		err = attempted(asked)
	}
	if err != nil {
		return result{Request: asked, Error: fmt.Sprintf("%s: %v", word(err), err)}
	}
	return result{Request: asked}
}

func attempted(asked json.RawMessage) error {
	var r request
	if err := json.Unmarshal(asked, &r); err != nil {
		return err
	}
	connect, known := protocols[strings.ToLower(r.Protocol)]
	if !known {
		return fmt.Errorf("protocol %q", r.Protocol)
	}
	return connect(net.JoinHostPort(r.Host, strconv.Itoa(r.Port)), patience)
}
