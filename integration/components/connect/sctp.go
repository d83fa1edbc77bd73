package main

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	serve     = "SERVE_SCTP_PORT_"
	network   = "ip4:132"
	header    = 12 // source port, destination port, verification tag, checksum
	initSize  = 20 // chunk header, initiate tag, window, streams out and in, first number
	initChunk = 1
	initAck   = 2
	again     = 300 * time.Millisecond
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// packet is what RFC 9260 calls a common header, and one INIT or INIT ACK.
type packet struct {
	source, target uint16
	verification   uint32
	kind           byte
	tag            uint32
}

func (p packet) encode() []byte {
	size := initSize
	if p.kind == initAck {
		size += 8 // an INIT ACK must have a cookie
	}
	b := make([]byte, header+size)
	binary.BigEndian.PutUint16(b[0:], p.source)
	binary.BigEndian.PutUint16(b[2:], p.target)
	binary.BigEndian.PutUint32(b[4:], p.verification)
	b[12] = p.kind
	binary.BigEndian.PutUint16(b[14:], uint16(size))
	binary.BigEndian.PutUint32(b[16:], p.tag)
	binary.BigEndian.PutUint32(b[20:], 65536)
	binary.BigEndian.PutUint16(b[24:], 1)
	binary.BigEndian.PutUint16(b[26:], 1)
	binary.BigEndian.PutUint32(b[28:], 1)
	if p.kind == initAck {
		binary.BigEndian.PutUint16(b[32:], 7) // the cookie, of four bytes
		binary.BigEndian.PutUint16(b[34:], 8)
	}
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, castagnoli))
	return b
}

func decode(b []byte) (packet, bool) {
	if len(b) < header+initSize || (b[12] != initChunk && b[12] != initAck) {
		return packet{}, false
	}
	return packet{
		source:       binary.BigEndian.Uint16(b[0:]),
		target:       binary.BigEndian.Uint16(b[2:]),
		verification: binary.BigEndian.Uint32(b[4:]),
		kind:         b[12],
		tag:          binary.BigEndian.Uint32(b[16:]),
	}, true
}

func served() map[uint16]bool {
	ports := map[uint16]bool{}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if port, found := strings.CutPrefix(name, serve); found {
			if number, err := strconv.ParseUint(port, 10, 16); err == nil {
				ports[uint16(number)] = true
			}
		}
	}
	return ports
}

// serveOn answers each INIT to one of some ports.
func serveOn(ports map[uint16]bool) error {
	socket, err := net.ListenPacket(network, "0.0.0.0")
	if err != nil {
		return err
	}
	buffer := make([]byte, 65536)
	for {
		size, from, err := socket.ReadFrom(buffer)
		if err != nil {
			return err
		}
		asked, ok := decode(buffer[:size])
		if !ok || asked.kind != initChunk || !ports[asked.target] {
			continue
		}
		answer := packet{
			source: asked.target, target: asked.source,
			verification: asked.tag, kind: initAck, tag: rand.Uint32() | 1,
		}
		// A packet that cannot be sent is one that is lost.
		_, _ = socket.WriteTo(answer.encode(), from)
	}
}

func connectSCTP(destination string, limit time.Duration) error {
	host, port, err := net.SplitHostPort(destination)
	if err != nil {
		return err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	// Where a policy denies DNS, the resolver alone would try for a minute.
	while, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupIP(while, "ip4", host)
	if err != nil {
		return err
	}
	address := &net.IPAddr{IP: addresses[0]}
	socket, err := net.ListenPacket(network, "0.0.0.0")
	if err != nil {
		return err
	}
	defer socket.Close()
	ask := packet{
		source: uint16(32768 + rand.IntN(28000)), target: uint16(number),
		kind: initChunk, tag: rand.Uint32() | 1,
	}
	buffer := make([]byte, 65536)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if _, err := socket.WriteTo(ask.encode(), address); err != nil {
			return err
		}
		until := time.Now().Add(again)
		if until.After(end) {
			until = end
		}
		_ = socket.SetReadDeadline(until)
		for {
			size, _, err := socket.ReadFrom(buffer)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			answer, ok := decode(buffer[:size])
			if ok && answer.kind == initAck && answer.target == ask.source &&
				answer.verification == ask.tag {
				return nil
			}
		}
	}
	return os.ErrDeadlineExceeded
}
