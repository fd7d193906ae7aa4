// The load for NATS JetStream, with its own Go client: asynchronous publishing with a window, in a closed loop or when
// messages are due. Prints one JSON object.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

type flags struct {
	url, stream        string
	size, window, rate int
	warmUp, seconds    float64
}

// Counts of the measured time; latencies in milliseconds since a message was due.
type result struct {
	Records          int64     `json:"records"`
	AllRecords       int64     `json:"allRecords"`
	RecordsPerSecond float64   `json:"recordsPerSecond"`
	Failed           int64     `json:"failed"`
	Acknowledged     []float64 `json:"acknowledged"`
	EndToEnd         []float64 `json:"endToEnd"`
}

var percentiles = []float64{50, 75, 90, 95, 99, 99.9, 99.99, 100}

type latencies struct {
	lock   sync.Mutex
	values []float64
}

func (l *latencies) add(due time.Time) {
	ms := float64(time.Since(due).Nanoseconds()) / 1e6
	l.lock.Lock()
	l.values = append(l.values, ms)
	l.lock.Unlock()
}

func (l *latencies) percentiles() []float64 {
	l.lock.Lock()
	defer l.lock.Unlock()
	if len(l.values) == 0 {
		return nil
	}
	sort.Float64s(l.values)
	found := make([]float64, len(percentiles))
	for i, p := range percentiles {
		at := int(float64(len(l.values))*p/100+0.9999999) - 1
		found[i] = l.values[max(0, min(at, len(l.values)-1))]
	}
	return found
}

func main() {
	f := flags{}
	flag.StringVar(&f.url, "url", "", "servers")
	flag.StringVar(&f.stream, "stream", "", "a new stream of three replicas")
	flag.IntVar(&f.size, "size", 100, "bytes of a message")
	flag.IntVar(&f.window, "window", 10000, "messages without an acknowledgement")
	flag.IntVar(&f.rate, "rate", 0, "messages that are due a second; 0: a closed loop")
	flag.Float64Var(&f.warmUp, "warm-up", 1, "seconds")
	flag.Float64Var(&f.seconds, "seconds", 5, "measured seconds")
	flag.Parse()
	found, err := run(f)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

func run(f flags) (*result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	connection, err := nats.Connect(f.url)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	stream, err := jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(f.window))
	if err != nil {
		return nil, err
	}
	config := jetstream.StreamConfig{Name: f.stream, Subjects: []string{f.stream}, Replicas: 3, Storage: jetstream.FileStorage}
	if err := create(ctx, stream, config); err != nil {
		return nil, err
	}
	began := time.Now()
	from := began.Add(time.Duration(f.warmUp * 1e9))
	to := from.Add(time.Duration(f.seconds * 1e9))
	endToEnd := &latencies{}
	if f.rate > 0 {
		reading, err := consume(ctx, stream, f.stream, from, to, endToEnd)
		if err != nil {
			return nil, err
		}
		defer reading.Stop()
	}
	found, err := publish(stream, f, began, from, to)
	if err != nil {
		return nil, err
	}
	if f.rate > 0 {
		time.Sleep(time.Second)
	}
	found.EndToEnd = endToEnd.percentiles()
	return found, stream.DeleteStream(ctx, f.stream)
}

// Servers that accept connections may still be choosing who leads them.
func create(ctx context.Context, stream jetstream.JetStream, config jetstream.StreamConfig) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := stream.CreateStream(attempt, config)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func consume(ctx context.Context, stream jetstream.JetStream, name string, from, to time.Time, seen *latencies) (jetstream.ConsumeContext, error) {
	consumer, err := stream.OrderedConsumer(ctx, name, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, err
	}
	return consumer.Consume(func(message jetstream.Msg) {
		due := time.Unix(0, int64(binary.LittleEndian.Uint64(message.Data())))
		if !due.Before(from) && due.Before(to) {
			seen.add(due)
		}
	})
}

func publish(stream jetstream.JetStream, f flags, began, from, to time.Time) (*result, error) {
	var records, all, failed atomic.Int64
	acknowledged := &latencies{}
	var waiting sync.WaitGroup
	futures := make(chan sent, f.window)
	waiting.Add(1)
	go func() {
		defer waiting.Done()
		for each := range futures {
			select {
			case <-each.future.Ok():
				now := time.Now()
				all.Add(1)
				if !now.Before(from) && now.Before(to) {
					records.Add(1)
				}
				if f.rate > 0 && !each.due.Before(from) && each.due.Before(to) {
					acknowledged.add(each.due)
				}
			case <-each.future.Err():
				failed.Add(1)
			}
		}
	}()
	for n := 0; ; n++ {
		due := time.Now()
		if f.rate > 0 {
			due = began.Add(time.Duration(float64(n) / float64(f.rate) * 1e9))
			if wait := time.Until(due); wait > time.Millisecond {
				time.Sleep(wait)
			}
		}
		if !due.Before(to) {
			break
		}
		data := make([]byte, f.size)
		binary.LittleEndian.PutUint64(data, uint64(due.UnixNano()))
		future, err := stream.PublishAsync(f.stream, data, jetstream.WithStallWait(time.Minute))
		if err != nil {
			return nil, err
		}
		futures <- sent{due, future}
	}
	close(futures)
	waiting.Wait()
	return &result{
		Records: records.Load(), AllRecords: all.Load(), RecordsPerSecond: float64(records.Load()) / f.seconds,
		Failed: failed.Load(), Acknowledged: acknowledged.percentiles(),
	}, nil
}

type sent struct {
	due    time.Time
	future jetstream.PubAckFuture
}
