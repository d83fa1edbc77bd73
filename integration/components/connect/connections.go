package main

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// protocols has how each is connected, by its name: within a limit, names included.
var protocols = map[string]func(string, time.Duration) error{
	"tcp": connectTCP, "udp": connectUDP, "sctp": connectSCTP,
}

func connectTCP(destination string, limit time.Duration) error {
	socket, err := net.DialTimeout("tcp", destination, limit)
	if err != nil {
		return err
	}
	return socket.Close()
}

// connectUDP asks agnhost's server for its host's name; any answer will do.
func connectUDP(destination string, limit time.Duration) error {
	end := time.Now().Add(limit)
	socket, err := net.DialTimeout("udp", destination, limit)
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := socket.SetDeadline(end); err != nil {
		return err
	}
	if _, err := socket.Write([]byte("hostname\n")); err != nil {
		return err
	}
	size, err := socket.Read(make([]byte, 1024))
	if err == nil && size == 0 {
		err = errors.New("an empty answer")
	}
	return err
}

// word returns what agnhost's callers look for in an error.
func word(err error) string {
	var name *net.DNSError
	var place *net.AddrError
	var slow net.Error
	switch {
	case errors.As(err, &place):
		return "UNKNOWN"
	case errors.As(err, &name):
		return "DNS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "REFUSED"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return "TIMEOUT"
	}
	return "OTHER"
}
