import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The open loop for Apache Kafka, with its own Java client: records are due at a fixed rate, whatever became of those before,
 * and latencies count from when a record was due. Its own tools count from the send, and hide what a stall delays.
 *
 * Arguments: bootstrap servers, topic, bytes of a record, records a second, seconds of warm-up, measured seconds,
 * batch.size, linger.ms. Prints one JSON object; latencies are p50, p75, p90, p95, p99, p99.9, p99.99, maximum in milliseconds.
 */
public final class KafkaLoad {
  private static final double[] PERCENTILES = {50, 75, 90, 95, 99, 99.9, 99.99, 100};
  private static final long DRAIN_NANOS = 2_000_000_000L;

  /** Latencies of the measured time. */
  private static final class Latencies {
    private long[] nanos = new long[1 << 20];
    private int count;

    synchronized void add(long value) {
      if (count == nanos.length) nanos = Arrays.copyOf(nanos, 2 * count);
      nanos[count++] = value;
    }

    synchronized String json() {
      if (count == 0) return "null";
      Arrays.sort(nanos, 0, count);
      StringBuilder json = new StringBuilder("[");
      for (double percentile : PERCENTILES) {
        int at = Math.max(0, (int) Math.ceil(count * percentile / 100) - 1);
        if (json.length() > 1) json.append(',');
        json.append(String.format(Locale.ROOT, "%.3f", nanos[at] / 1e6));
      }
      return json.append(']').toString();
    }
  }

  private final Latencies acknowledged = new Latencies();
  private final Latencies endToEnd = new Latencies();
  private volatile boolean isReading;
  private volatile long measureFrom = Long.MAX_VALUE;
  private volatile long measureTo = Long.MAX_VALUE;
  private volatile long readUntil = Long.MAX_VALUE;

  public static void main(String[] args) throws Exception {
    new KafkaLoad().run(args);
  }

  private void run(String[] args) throws Exception {
    Thread reader = new Thread(() -> read(args[0], args[1]));
    reader.start();
    while (!isReading) Thread.sleep(10);
    double rate = Double.parseDouble(args[3]);
    double seconds = Double.parseDouble(args[5]);
    long sent = write(args, rate, (long) (Double.parseDouble(args[4]) * 1e9), (long) (seconds * 1e9));
    readUntil = System.nanoTime() + DRAIN_NANOS;
    reader.join();
    System.out.printf(
        Locale.ROOT,
        "{\"allRecords\":%d,\"recordsPerSecond\":%.1f,\"failed\":0,\"acknowledged\":%s,\"endToEnd\":%s}%n",
        sent, acknowledged.count / seconds, acknowledged.json(), endToEnd.json());
  }

  private long write(String[] args, double rate, long warmUpNanos, long nanos) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("acks", "all");
    properties.put("batch.size", args[6]);
    properties.put("linger.ms", args[7]);
    properties.put("buffer.memory", "67108864");
    int size = Integer.parseInt(args[2]);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.partitionsFor(args[1]);
      long began = System.nanoTime();
      measureFrom = began + warmUpNanos;
      measureTo = measureFrom + nanos;
      for (long n = 0; ; n++) {
        long due = began + (long) (n / rate * 1e9);
        if (due >= measureTo) {
          producer.flush();
          return n;
        }
        for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime())
          LockSupport.parkNanos(Math.max(left, 1_000_000));
        byte[] value = new byte[size];
        ByteBuffer.wrap(value).putLong(due);
        producer.send(
            new ProducerRecord<>(args[1], value),
            (metadata, error) -> {
              if (error == null && isMeasured(due)) acknowledged.add(System.nanoTime() - due);
            });
      }
    }
  }

  private void read(String bootstrap, String topic) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", bootstrap);
    properties.put("group.id", topic + "-paced");
    properties.put("enable.auto.commit", "false");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      var partitions =
          consumer.partitionsFor(topic).stream()
              .map(each -> new org.apache.kafka.common.TopicPartition(topic, each.partition()))
              .toList();
      consumer.assign(List.copyOf(partitions));
      consumer.seekToEnd(partitions);
      partitions.forEach(consumer::position);
      isReading = true;
      while (System.nanoTime() < readUntil) {
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          long due = ByteBuffer.wrap(record.value()).getLong();
          if (isMeasured(due)) endToEnd.add(System.nanoTime() - due);
        }
      }
    }
  }

  private boolean isMeasured(long due) {
    return due >= measureFrom && due < measureTo;
  }
}
