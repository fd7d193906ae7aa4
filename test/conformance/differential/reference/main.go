// Command reference runs schedules against go.etcd.io/raft/v3 and prints what every command led to.
//
// It reads from stdin and writes to stdout, one line for one line:
//
//	schedule key=value …          starts a group; answers "schedule"
//	<random> <command> <arg> …    does one thing; answers what came of it
//
// The commands are those of ../schedule.ts, the answers those of ../canonical.ts; group.go and
// canonical.go are their counterparts. After a panic the rest of the schedule is answered "skipped".
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// constantReader makes the library, which draws election timeouts from crypto/rand, draw what the
// schedule says.
type constantReader struct{ value byte }

func (r *constantReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.value
	}
	return len(p), nil
}

func main() {
	random := &constantReader{}
	rand.Reader = random
	scanner := bufio.NewScanner(os.Stdin)
	scanner.Buffer(make([]byte, 1<<16), 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	defer out.Flush()
	var g *group
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if fields[0] == "schedule" {
			random.value = 0
			g = newGroup(fields[1:])
			fmt.Fprintln(out, "schedule")
			continue
		}
		random.value = byte(number(fields[0]))
		fmt.Fprintln(out, runGuarded(g, fields[1], fields[2:]))
	}
	if err := scanner.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runGuarded(g *group, name string, args []string) (line string) {
	if g.broken {
		return "skipped"
	}
	defer func() {
		if cause := recover(); cause != nil {
			g.broken = true
			line = strings.ReplaceAll(fmt.Sprintf("panic %v", cause), "\n", " ")
		}
	}()
	return g.run(name, args)
}

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}
