import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { peerCache } from "./peer-cache.ts";

/** Versions that were measured together; a row says which it was. */
const kafkaVersion = "4.1.0";
const perfTestVersion = "2.22.1";
const natsServerVersion = "v2.12.1";
const natsLoadDirectory = fileURLToPath(new URL("nats-load", import.meta.url));

/**
 * Fetches the peers through the machine's own Maven, Go and apt: into a directory outside of the repository, but for
 * RabbitMQ's server, which is a package of the system. What cannot be had is said and left out.
 */
export function installPeers(): void {
  attempt("kafka", installKafka);
  attempt("nats", installNats);
  attempt("rabbitmq", installRabbitmq);
}

function attempt(name: string, install: () => void): void {
  console.log(`${name}: installing below ${peerCache()} …`);
  try {
    install();
    console.log(`${name}: installed`);
  } catch (error) {
    console.log(`${name}: left out, ${error instanceof Error ? error.message : String(error)}`);
  }
}

function installKafka(): void {
  fetchArtifacts(peerCache("kafka"), [
    ["org.apache.kafka", "kafka_2.13", kafkaVersion],
    ["org.apache.kafka", "kafka-tools", kafkaVersion],
  ]);
}

function installNats(): void {
  const directory = peerCache("nats");
  mkdirSync(directory, { recursive: true });
  const module = `github.com/nats-io/nats-server/v2@${natsServerVersion}`;
  run("go", ["install", module], { GOBIN: directory });
  run("go", ["build", "-o", peerCache("nats", "nats-load"), "."], {}, natsLoadDirectory);
}

function installRabbitmq(): void {
  fetchArtifacts(peerCache("rabbitmq"), [["com.rabbitmq", "perf-test", perfTestVersion]]);
  if (existsSync("/usr/lib/rabbitmq/bin/rabbitmq-server")) return;
  keepServicesStopped();
  run("apt-get", ["install", "--yes", "--no-install-recommends", "rabbitmq-server"], {
    DEBIAN_FRONTEND: "noninteractive",
  });
}

/** A package that is installed starts its service, unless the machine's policy says no (status 101). */
function keepServicesStopped(): void {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return;
  const refusing = peerCache("policy-rc.d");
  writeFileSync(refusing, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  copyFileSync(refusing, policy);
}

/** Has Maven copy artifacts, and all that they depend on, to `libs` in the directory. */
function fetchArtifacts(
  directory: string,
  artifacts: readonly (readonly [group: string, artifact: string, version: string])[],
): void {
  const pom = `${directory}/pom.xml`;
  mkdirSync(dirname(pom), { recursive: true });
  const dependencies = artifacts.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  writeFileSync(
    pom,
    `<project><modelVersion>4.0.0</modelVersion><groupId>ropewalk</groupId><artifactId>peer</artifactId><version>1</version><dependencies>${dependencies.join("")}</dependencies></project>\n`,
  );
  run("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory=libs"]);
}

function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  cwd: string = process.cwd(),
): void {
  const env = { ...process.env, ...environment };
  execFileSync(program, args, { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
}
