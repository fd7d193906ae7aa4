import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { RunningCommand } from "./running-command.ts";

/** What `buf curl` printed and how it ended. */
interface CurlResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Somebody else's gRPC client, which knows nothing of this product: all it is told is an address, and
 * the schema comes through reflection.
 */
describe("buf curl", () => {
  let cluster: ScratchCluster;

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function curl(
    path: string,
    args: readonly string[] = [],
    { brokerId = 1, input = "" } = {},
  ): Promise<CurlResult> {
    const url = `http://${cluster.bootstrapServers[brokerId - 1]}${path}`;
    const all = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", ...args, url];
    await using command = RunningCommand.linked("buf", all);
    command.stdin.end(input);
    const status = await command.ends();
    return { status, stdout: command.stdout.toString(), stderr: command.stderr };
  }

  async function call(method: string, request: object, brokerId = 1): Promise<unknown> {
    const args = ["-d", JSON.stringify(request)];
    const { status, stdout, stderr } = await curl(`/${method}`, args, { brokerId });
    expect({ method, status, stderr }).toEqual({ method, status: 0, stderr: "" });
    return JSON.parse(stdout);
  }

  test.each(["grpc-v1", "grpc-v1alpha"])("lists services and methods over %s", async (protocol) => {
    const reflection = ["--reflect-protocol", protocol];
    const services = await curl("", [...reflection, "--list-services"]);
    expect(services).toEqual({
      status: 0,
      stderr: "",
      stdout: [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "ropewalk.v1.BrokerHealthService",
        "ropewalk.v1.ClusterService",
        "ropewalk.v1.ConfigService",
        "ropewalk.v1.FetchService",
        "ropewalk.v1.GroupService",
        "ropewalk.v1.PartitionService",
        "ropewalk.v1.ProduceService",
        "ropewalk.v1.TopicService",
        "",
      ].join("\n"),
    });
    const methods = (await curl("", [...reflection, "--list-methods"])).stdout.split("\n");
    for (const method of ["ProduceService/ProduceStream", "FetchService/Fetch"]) {
      expect(methods).toContain(`ropewalk.v1.${method}`);
    }
  });

  test("creates a topic, writes records, and reads the batch they became", async () => {
    const described = await call("ropewalk.v1.ClusterService/DescribeCluster", {});
    expect(described).toMatchObject({
      brokers: [{ brokerId: 1 }, { brokerId: 2 }, { brokerId: 3 }],
    });

    const created = await call("ropewalk.v1.TopicService/CreateTopic", {
      name: "outside",
      partitionCount: 1,
      replicationFactor: 3,
    });
    expect(created).toMatchObject({ topic: { name: "outside", partitions: [{}] } });
    const { topic } = created as { topic: { partitions: [{ leaderId: number }] } };
    const [{ leaderId }] = topic.partitions;
    expect([1, 2, 3]).toContain(leaderId);

    const value = Buffer.from("hello, outside").toString("base64");
    const records = { topic: "outside", records: [{ value }, { key: "aw==", value }] };
    const produced = await call("ropewalk.v1.ProduceService/Produce", records, leaderId);
    expect(produced).toEqual({ nextOffset: "2" });
    const start = { topic: "outside", start: { edge: "EDGE_EARLIEST" } };
    const fetched = await call("ropewalk.v1.FetchService/Fetch", start, leaderId);
    expect(fetched).toMatchObject({ nextOffset: "2", highWatermark: "2" });
    const { recordBatches } = fetched as { recordBatches: string };
    const batch = Buffer.from(recordBatches, "base64");
    expect(batch.readUInt8(16)).toBe(2); // Kafka's record batch v2, …
    expect(batch.readInt32BE(57)).toBe(2); // … with two records.
    expect(batch.includes("hello, outside")).toBe(true);
  });

  test("streams batches and gets an ack for each, and is told what is wrong", async () => {
    const request = (correlationId: number): string =>
      JSON.stringify({ correlationId, topic: "nowhere", recordBatch: "AA==" });
    const path = "/ropewalk.v1.ProduceService/ProduceStream";
    const input = `${request(1)}\n${request(2)}\n`;
    const streamed = await curl(path, ["-d", "@-"], { input });
    expect(streamed).toMatchObject({ status: 0, stderr: "" });
    expect(streamed.stdout.match(/ERROR_CODE_UNKNOWN_TOPIC_OR_PARTITION/g)).toHaveLength(2);
    expect(streamed.stdout).toContain('"correlationId": 2');

    const fetch = JSON.stringify({ topic: "nowhere", start: { offset: "0" } });
    const refused = await curl("/ropewalk.v1.FetchService/Fetch", ["-d", fetch]);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain("not_found");
    expect(refused.stderr).toContain("nowhere");
    expect(refused.stderr).toContain("ropewalk.v1.Error");
  });

  test("asks for health by gRPC's own protocol", async () => {
    expect(await call("grpc.health.v1.Health/Check", {})).toEqual({ status: "SERVING" });
  });
});
