// The operations of bench_runtime.cpp in Go: operations METRIC SECONDS GOMAXPROCS prints ns per operation of a run of about SECONDS.
package main

/*
static void nothing(void) {}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const batch = 1000

// On one P processor time, as in bench_runtime.cpp.
func timed(f func()) float64 {
	begin, beginCPU := time.Now(), cpu()
	f()
	if runtime.GOMAXPROCS(0) == 1 {
		return cpu() - beginCPU
	}
	return float64(time.Since(begin).Nanoseconds())
}

func cpu() float64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano() + used.Stime.Nano())
}

// What Syscall costs more than RawSyscall: entersyscall and exitsyscall.
func enterExit(n int) float64 {
	with := timed(func() {
		for i := 0; i < n; i++ {
			syscall.Syscall(syscall.SYS_GETPID, 0, 0, 0)
		}
	})
	without := timed(func() {
		for i := 0; i < n; i++ {
			syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
		}
	})
	return with - without
}

func foreignCall(n int) float64 {
	return timed(func() {
		for i := 0; i < n; i++ {
			C.nothing()
		}
	})
}

func goExit(n int) float64 {
	return timed(func() {
		for done := 0; done < n; done += batch {
			var all sync.WaitGroup
			all.Add(batch)
			for i := 0; i < batch; i++ {
				go all.Done()
			}
			all.Wait()
		}
	})
}

func createJoin(n int) float64 {
	ended := make(chan int)
	return timed(func() {
		for i := 0; i < n; i++ {
			go func() { ended <- 1 }()
			<-ended
		}
	})
}

func yields(n int) float64 {
	var both sync.WaitGroup
	both.Add(2)
	return timed(func() {
		for k := 0; k < 2; k++ {
			go func() {
				for i := 0; i < n/2; i++ {
					runtime.Gosched()
				}
				both.Done()
			}()
		}
		both.Wait()
	})
}

func pingPong(n int, locks bool) float64 {
	there, back := make(chan int), make(chan int)
	var other sync.WaitGroup
	other.Add(1)
	go func() {
		if locks {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
		}
		for v := range there {
			back <- v
		}
		other.Done()
	}()
	if locks {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	took := timed(func() {
		for i := 0; i < n; i++ {
			there <- i
			<-back
		}
	})
	close(there)
	other.Wait()
	return took
}

func bufferedSendRecv(n int) float64 {
	c := make(chan int, 128)
	return timed(func() {
		for i := 0; i < n; i++ {
			c <- i
			<-c
		}
	})
}

func mutexPair(n int) float64 {
	var m sync.Mutex
	return timed(func() {
		for i := 0; i < n; i++ {
			m.Lock()
			m.Unlock()
		}
	})
}

func selectReady(n int) float64 {
	a, b, c, d := make(chan int), make(chan int), make(chan int), make(chan int)
	close(a)
	close(b)
	close(c)
	close(d)
	return timed(func() {
		for i := 0; i < n; i++ {
			select {
			case <-a:
			case <-b:
			case <-c:
			case <-d:
			}
		}
	})
}

func selectBlocking(n int) float64 {
	there, back, never, stop := make(chan int), make(chan int), make(chan int), make(chan int)
	var other sync.WaitGroup
	other.Add(1)
	go func() {
		defer other.Done()
		for {
			select {
			case v := <-there:
				back <- v
			case v := <-never:
				back <- v
			case <-stop:
				return
			case never <- 0:
			}
		}
	}()
	took := timed(func() {
		for i := 0; i < n; i++ {
			there <- i
			select {
			case <-back:
			case <-never:
			case <-stop:
			case never <- 0:
			}
		}
	})
	close(stop)
	other.Wait()
	return took
}

func timerStartStop(n int) float64 {
	never := time.AfterFunc(time.Hour, func() {})
	never.Stop()
	return timed(func() {
		for i := 0; i < n; i++ {
			never.Reset(time.Hour)
			never.Stop()
		}
	})
}

func sleeps(n int) float64 {
	return timed(func() {
		for done := 0; done < n; done += batch {
			var all sync.WaitGroup
			all.Add(batch)
			for i := 0; i < batch; i++ {
				go func() {
					time.Sleep(time.Millisecond)
					all.Done()
				}()
			}
			all.Wait()
		}
	})
}

// As reads_of_4k of bench_runtime.cpp.
func reads4k(n int) float64 {
	const readers, pages, pageBytes = 100, 1024, 4096
	f, err := os.CreateTemp("", "retake-bench-file-")
	if err != nil {
		return 0
	}
	os.Remove(f.Name())
	defer f.Close()
	f.Write(make([]byte, pages*pageBytes))
	return timed(func() {
		var all sync.WaitGroup
		all.Add(readers)
		for i := 0; i < readers; i++ {
			go func(i int) {
				into := make([]byte, pageBytes)
				for k := 0; k < n/readers; k++ {
					f.ReadAt(into, int64((i*7919+k*31)%pages*pageBytes))
				}
				all.Done()
			}(i)
		}
		all.Wait()
	})
}

var operations = map[string]func(int) float64{
	"enter_exit":         enterExit,
	"foreign_call":       foreignCall,
	"go_exit":            goExit,
	"create_join":        createJoin,
	"yield":              yields,
	"ping_pong_1p":       func(n int) float64 { return pingPong(n, false) },
	"ping_pong_2p":       func(n int) float64 { return pingPong(n, false) },
	"locked_ping_pong":   func(n int) float64 { return pingPong(n, true) },
	"buffered_send_recv": bufferedSendRecv,
	"select_ready":       selectReady,
	"select_blocking":    selectBlocking,
	"mutex":              mutexPair,
	"timer_start_stop":   timerStartStop,
	"sleep":              sleeps,
	"read_4k_100":        reads4k,
}

func main() {
	if len(os.Args) == 4 && rows[os.Args[1]] != nil {
		processors, _ := strconv.Atoi(os.Args[3])
		runtime.GOMAXPROCS(processors)
		rows[os.Args[1]]()
		return
	}
	if len(os.Args) != 4 || operations[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: operations METRIC SECONDS GOMAXPROCS")
		os.Exit(2)
	}
	body := operations[os.Args[1]]
	seconds, _ := strconv.ParseFloat(os.Args[2], 64)
	processors, _ := strconv.Atoi(os.Args[3])
	runtime.GOMAXPROCS(processors)
	for n := batch; ; {
		begin := time.Now()
		took := body(n)
		wall := time.Since(begin).Seconds()
		if wall >= seconds*0.5 {
			fmt.Println(took / float64(n))
			return
		}
		factor := seconds * 0.8 / wall
		if factor < 1.5 {
			factor = 1.5
		}
		if factor > 20 {
			factor = 20
		}
		n = (int(float64(n)*factor) + batch - 1) / batch * batch
	}
}
