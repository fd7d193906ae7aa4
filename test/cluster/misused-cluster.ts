import { expect } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { ropewalk } from "./run-command.ts";

/**
 * A cluster for all kinds of mistakes, with something in it that must stay as it is: topic `orders` of
 * two partitions with one record and a group that has read it, and topic `small`, which takes no batch
 * of more than 2,000 bytes.
 */
export class MisusedCluster implements AsyncDisposable {
  readonly bootstrapServers: readonly string[];
  readonly #cluster: ScratchCluster;

  private constructor(cluster: ScratchCluster) {
    this.#cluster = cluster;
    this.bootstrapServers = cluster.bootstrapServers;
  }

  static async start(): Promise<MisusedCluster> {
    const cluster = new MisusedCluster(await ScratchCluster.start());
    try {
      await cluster.#run("", "topic", "create", "orders", "-p", "2");
      await cluster.#run("", "topic", "create", "small", "-c", "max.message.bytes=2000");
      await cluster.#run("first\n", "produce", "orders", "-p", "0");
      // A group's first member makes the internal topic, which is then there to be misused.
      const group = ["consume", "orders", "-g", "first", "--from-beginning", "-n", "1"];
      expect(await cluster.#run("", ...group)).toBe("first\n");
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Nothing was made, written or committed. */
  async expectUnchanged(): Promise<void> {
    const read = ["--from-beginning", "-e", "-f", "%p %o %v\\n"];
    const [topics, groups, orders, small] = await Promise.all([
      this.#run("", "topic", "list", "--internal", "--format", "json"),
      this.#run("", "group", "describe", "first", "--format", "json"),
      this.#run("", "consume", "orders", ...read),
      this.#run("", "consume", "small", ...read),
    ]);
    const names = (JSON.parse(topics) as { name: string }[]).map(({ name }) => name);
    expect(names.toSorted()).toEqual(["__consumer_offsets", "orders", "small"]);
    expect(JSON.parse(groups)).toMatchObject({
      offsets: [{ topic: "orders", partition: 0, committedOffset: 1, endOffset: 1 }],
    });
    expect({ orders, small }).toEqual({ orders: "0 0 first\n", small: "" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
  }

  async #run(input: string, ...args: readonly string[]): Promise<string> {
    const { bootstrapServers } = this;
    const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers, input });
    if (status !== 0) throw new Error(`ropewalk ${args.join(" ")}: status ${status}, ${stderr}`);
    return stdout.toString();
  }
}
