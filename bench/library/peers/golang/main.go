// golang.org/x/oauth2 as its users run it: a ReuseTokenSource with a valid token in it. Prints a line
// for each round: ns for a token, ns for a header, million headers a second of two threads.
package main

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sys/unix"
)

const (
	rounds = 21
	sample = 15 * time.Millisecond
)

// server is the one thing that is faked: where tokens come from.
type server struct{}

func (server) Token() (*oauth2.Token, error) {
	return &oauth2.Token{
		AccessToken: strings.Repeat("0", 1024),
		TokenType:   "Bearer",
		Expiry:      time.Now().Add(time.Hour),
	}, nil
}

func main() {
	runtime.GOMAXPROCS(2)
	runtime.LockOSThread()
	source := oauth2.ReuseTokenSource(nil, server{})
	token := func() {
		if _, err := source.Token(); err != nil {
			panic(err)
		}
	}
	// A request of each thread, whose header is set again and again.
	header := func() func() {
		request := &http.Request{Header: http.Header{}}
		return func() {
			token, err := source.Token()
			if err != nil {
				panic(err)
			}
			token.SetAuthHeader(request)
		}
	}
	one := header()
	calls := 1000
	for own(calls, one)*float64(calls)*2 < float64(sample) {
		calls *= 2
	}
	for round := 0; round < rounds; round++ {
		fmt.Printf("%.1f %.1f %.3f\n", own(calls, token), own(calls, one), together(calls, header))
	}
}

// own is the thread's own time for a call, in ns.
func own(calls int, call func()) float64 {
	start := spent()
	for i := 0; i < calls; i++ {
		call()
	}
	return float64(spent()-start) / float64(calls)
}

func spent() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

// together is what two threads do at the same time, in million calls a second.
func together(calls int, header func() func()) float64 {
	var both sync.WaitGroup
	start := time.Now()
	for thread := 0; thread < 2; thread++ {
		both.Add(1)
		go func() {
			defer both.Done()
			call := header()
			for i := 0; i < calls; i++ {
				call()
			}
		}()
	}
	both.Wait()
	return 2000 * float64(calls) / float64(time.Since(start))
}
