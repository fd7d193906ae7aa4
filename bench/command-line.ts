import { parseArgs } from "node:util";
import type { BenchOptions } from "./workloads/workload.ts";

/** What was typed. */
export interface BenchCommand {
  /** Names of workloads; none: those that run by default. */
  readonly workloads: readonly string[];
  /** Brokers of a cluster that runs already; undefined: the bench starts one. */
  readonly against: readonly string[] | undefined;
  /** Where the result file goes; undefined: below `.ropewalk/bench`. */
  readonly output: string | undefined;
  readonly help: boolean;
  readonly options: BenchOptions;
}

/** The flags, as `--help` prints them. */
export const usage = `npm run bench [-- <workload>… [flags]]
npm run bench -- micro [path…]      the micro-benchmarks beside the code
npm run bench -- report <file>…     the page of a result file again
npm run bench -- model <file>       what the costs in a result file mean for 3 to 1,000 brokers
npm run bench -- peers --install    fetches the peers, outside of the repository

  --quick                 few cases, one second each
  --against HOST:PORT,…   a cluster that runs already, instead of three processes on this machine
  --output FILE           the result file (default: .ropewalk/bench/<time>.json)
  --seconds N             measured time of a case (default 6; quick: 1)
  --warm-up N             time before it (default 2; quick: 1)
  --record-bytes N,…      sizes of records
  --apis A,…              write, send, unbatched, one-by-one: how records are handed to the client
  --producers N,…         producers, each with connections of its own
  --partitions N,…        partitions of the topic
  --acks A,…              all, 1
  --load N,…              latency: per cent of the measured peak (default 20,50,80)
  --linger-ms N           how long a record may wait for others (default: the client's)
  --batch-bytes N         largest batch (default: the client's)
  --replication-factor N  copies (default 3)
  --only P,…              peers: roofline, kafka, nats, rabbitmq
  --write-baseline        quick: what is measured now is the baseline from now on

Lists are crossed: every combination becomes a row.`;

const flags = {
  quick: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
  against: { type: "string" },
  output: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
  "record-bytes": { type: "string" },
  apis: { type: "string" },
  producers: { type: "string" },
  partitions: { type: "string" },
  acks: { type: "string" },
  load: { type: "string" },
  "linger-ms": { type: "string" },
  "batch-bytes": { type: "string" },
  "replication-factor": { type: "string" },
  only: { type: "string" },
  "write-baseline": { type: "boolean", default: false },
} as const;

/** Reads the command line; throws a `TypeError` with what is wrong. */
export function parseCommandLine(args: readonly string[]): BenchCommand {
  const { positionals, values } = parseArgs({
    args: [...args],
    options: flags,
    allowPositionals: true,
  });
  const { quick } = values;
  return {
    workloads: positionals,
    against: listOf(values.against),
    output: values.output,
    help: values.help,
    options: {
      quick,
      seconds: numberOf("seconds", values.seconds) ?? (quick ? 1 : 6),
      warmUpSeconds: numberOf("warm-up", values["warm-up"]) ?? (quick ? 1 : 2),
      recordBytes: numbersOf("record-bytes", values["record-bytes"]),
      apis: listOf(values.apis),
      producers: numbersOf("producers", values.producers),
      partitions: numbersOf("partitions", values.partitions),
      acks: listOf(values.acks),
      loadPercents: numbersOf("load", values.load) ?? (quick ? [50] : [20, 50, 80]),
      lingerMs: numberOf("linger-ms", values["linger-ms"]),
      batchBytesMax: numberOf("batch-bytes", values["batch-bytes"]),
      replicationFactor: numberOf("replication-factor", values["replication-factor"]) ?? 3,
      peers: listOf(values.only),
      writesBaseline: values["write-baseline"],
    },
  };
}

function listOf(text: string | undefined): readonly string[] | undefined {
  return text?.split(",");
}

function numbersOf(flag: string, text: string | undefined): readonly number[] | undefined {
  return listOf(text)?.map((each) => numberIn(flag, each));
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : numberIn(flag, text);
}

function numberIn(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new TypeError(`--${flag} takes numbers, not ${JSON.stringify(text)}`);
  return value;
}
