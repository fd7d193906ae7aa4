import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../test/cluster/free-ports.ts";
import { peerCache } from "./peer-cache.ts";
import type { ClientRun, PeerProcesses } from "./peer-processes.ts";

/** Where its jars are, Kafka's own and those that it needs. */
export const kafkaLibraries: string = peerCache("kafka", "libs");

/** Brokers that run, and how they are reached. */
export interface KafkaCluster {
  readonly processes: PeerProcesses;
  readonly bootstrap: string;
  /** Until all brokers listen, which is before they know each other. */
  readonly startMs: number;
}

const nodeCount = 3;
const topicAttemptsMax = 30;
const classPath = ["-cp", join(kafkaLibraries, "*")];
const clusterId = "RopewalkBenchClusterAA";
/** What kafka-server-start.sh gives a broker. */
const serverFlags = [
  "-Xmx1G",
  "-Xms1G",
  "-server",
  "-XX:+UseG1GC",
  "-XX:MaxGCPauseMillis=20",
  "-XX:InitiatingHeapOccupancyPercent=35",
  "-XX:+ExplicitGCInvokesConcurrent",
  "-Djava.awt.headless=true",
];

/** Starts three brokers, each of which is a controller, too (KRaft). */
export async function startKafka(processes: PeerProcesses): Promise<KafkaCluster> {
  const ports = await freePorts(nodeCount * 2);
  const clientPorts = ports.slice(0, nodeCount);
  const controllerPorts = ports.slice(nodeCount);
  const paths = clientPorts.map((port, i) => {
    const directory = join(processes.directory, String(i + 1));
    mkdirSync(directory);
    const path = join(directory, "server.properties");
    writeFileSync(path, propertiesOf(i + 1, port, controllerPorts, directory));
    return path;
  });
  const format = (path: string): Promise<ClientRun> =>
    runKafka(processes, "kafka.tools.StorageTool", ["format", "-t", clusterId, "-c", path]);
  await Promise.all(paths.map(format));
  const beganMs = performance.now();
  for (const [i, path] of paths.entries()) {
    const args = [...serverFlags, ...classPath, "kafka.Kafka", path];
    processes.spawn(`kafka-${i + 1}`, "java", args);
  }
  await processes.listening(clientPorts);
  const bootstrap = clientPorts.map((port) => `127.0.0.1:${port}`).join(",");
  return { processes, bootstrap, startMs: performance.now() - beganMs };
}

/** Makes a topic with three replicas, of which two must be in sync. */
export async function createKafkaTopic(
  { bootstrap, processes }: KafkaCluster,
  topic: string,
  partitionCount: number,
  configs: readonly string[],
): Promise<void> {
  const flags = ["min.insync.replicas=2", ...configs].flatMap((each) => ["--config", each]);
  const args = ["--bootstrap-server", bootstrap, "--create", "--topic", topic, ...flags];
  args.push("--partitions", String(partitionCount), "--replication-factor", String(nodeCount));
  for (let attempt = 1; ; attempt++) {
    try {
      await runKafka(processes, "org.apache.kafka.tools.TopicCommand", args);
      return;
    } catch (error) {
      // The third broker may not have registered yet.
      if (attempt === topicAttemptsMax) throw error;
    }
  }
}

/** Runs a Java program, a class of Kafka's or a source file, with Kafka's jars. */
export function runKafka(
  processes: PeerProcesses,
  program: string,
  args: readonly string[],
): Promise<ClientRun> {
  return processes.run("java", ["-Xmx1G", ...classPath, program, ...args]);
}

function propertiesOf(
  id: number,
  port: number,
  controllerPorts: readonly number[],
  directory: string,
): string {
  const voters = controllerPorts.map((each, i) => `${i + 1}@127.0.0.1:${each}`);
  const controllerPort = controllerPorts[id - 1] ?? 0;
  return [
    "process.roles=broker,controller",
    `node.id=${id}`,
    `controller.quorum.voters=${voters.join(",")}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names=CONTROLLER",
    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    `log.dirs=${join(directory, "data")}`,
    "min.insync.replicas=2",
    "offsets.topic.replication.factor=3",
    "group.initial.rebalance.delay.ms=0",
  ].join("\n");
}
