// The rows of bench_scale.cpp in Go: each prints "what value" lines. serve: an echo server that prints its port.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func residentBytes() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize())
}

func threads() int {
	entries, _ := os.ReadDir("/proc/self/task")
	return len(entries)
}

func part(values []float64, share float64) float64 {
	sort.Float64s(values)
	at := int(share * float64(len(values)))
	if at >= len(values) {
		at = len(values) - 1
	}
	return values[at]
}

func parkedMillion() {
	const count = 1000000
	gate := make(chan int)
	var arrived atomic.Int64
	var all sync.WaitGroup
	all.Add(count)
	before, began := residentBytes(), time.Now()
	for i := 0; i < count; i++ {
		go func() {
			arrived.Add(1)
			<-gate
			all.Done()
		}()
	}
	for arrived.Load() < count {
		runtime.Gosched()
	}
	fmt.Println("bytes", (residentBytes()-before)/count)
	fmt.Println("threads", threads())
	fmt.Println("made", float64(time.Since(began).Nanoseconds())/count)
	close(gate)
	all.Wait()
}

func timers() {
	const count = 100000
	all := make([]*time.Timer, 0, count)
	var latest atomic.Int64
	var fired sync.WaitGroup
	fired.Add(count)
	before := residentBytes()
	first := time.Now().Add(500 * time.Millisecond)
	for i := 0; i < count; i++ {
		due := first.Add(time.Duration(i) * 10 * time.Microsecond)
		all = append(all, time.AfterFunc(time.Until(due), func() {
			late := int64(time.Since(due))
			for known := latest.Load(); late > known && !latest.CompareAndSwap(known, late); known = latest.Load() {
			}
			fired.Done()
		}))
	}
	bytes := (residentBytes() - before) / count
	fired.Wait()
	fmt.Println("bytes", bytes)
	fmt.Println("threads", threads())
	fmt.Println("latest", float64(latest.Load())/1e6)
}

// A call that the runtime knows as one that blocks: os.File would use the poller.
func handoff(compute time.Duration, rounds int) {
	var ends [2]int
	syscall.Pipe(ends[:])
	var waited []float64
	one := make([]byte, 1)
	for i := 0; i < rounds; i++ {
		for until := time.Now().Add(compute); time.Now().Before(until); {
		}
		entered := time.Now()
		go func() {
			waited = append(waited, float64(time.Since(entered).Nanoseconds())/1e3)
			syscall.Write(ends[1], []byte("x"))
		}()
		syscall.Read(ends[0], one)
	}
	fmt.Println("p50", part(waited, 0.5))
	fmt.Println("p99", part(waited, 0.99))
}

func idle() {
	const seconds = 3
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	time.Sleep(seconds * time.Second)
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	fmt.Println("cpu", float64(used)/1e9/seconds*100)
	fmt.Println("wakeups", float64(after.Nvcsw-before.Nvcsw)/seconds)
}

func besideHog() {
	const rounds = 40
	var waited []float64
	for i := 0; i < rounds; i++ {
		var ran atomic.Bool
		ready := time.Now()
		go func() {
			waited = append(waited, float64(time.Since(ready).Nanoseconds())/1e6)
			ran.Store(true)
		}()
		for !ran.Load() {
		}
	}
	fmt.Println("p50", part(waited, 0.5))
	fmt.Println("p99", part(waited, 0.99))
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			defer connection.Close()
			room := make([]byte, 4096)
			for {
				n, err := connection.Read(room)
				if err != nil {
					return
				}
				connection.Write(room[:n])
			}
		}()
	}
}

var rows = map[string]func(){
	"parked_million":          parkedMillion,
	"timers_100k":             timers,
	"handoff_hot":             func() { handoff(0, 500) },
	"handoff_after_computing": func() { handoff(50*time.Millisecond, 40) },
	"idle":                    idle,
	"beside_hog":              besideHog,
	"serve":                   serve,
}
