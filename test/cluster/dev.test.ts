import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { DevCluster, freeDevPortBase } from "./dev-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { RunningCommand } from "./running-command.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

describe("ropewalk dev", () => {
  test("prints endpoints that answer and commands that work as printed, and stops on Ctrl-C", async () => {
    using directory = new TemporaryDirectory();
    const portBase = await freeDevPortBase();
    await using dev = await DevCluster.start(directory.path, portBase);
    const banner = dev.command.stdout.toString();
    expect(banner).toMatch(/3 brokers are ready after \d+ ms/);

    const clients = dev.bootstrapServers;
    for (const address of clients) {
      expect(banner).toContain(address.split(":")[1]);
      const { stdout, stderr } = await ropewalk(["cluster", "health", "-b", address]);
      expect({ stdout: stdout.toString(), stderr }).toEqual({ stdout: "healthy\n", stderr: "" });
    }
    const metrics = banner.match(/http:\/\/\S+?(?=[,\s])/g) ?? [];
    expect(metrics).toHaveLength(3);
    for (const url of metrics)
      expect(await (await fetch(url)).text()).toContain("# HELP ropewalk_");

    const commands = banner.split("\n").filter((line) => line.includes("npx ropewalk"));
    expect(commands).toHaveLength(2);
    for (const line of commands) {
      await using command = RunningCommand.shell(line.trim(), {
        directory: repository,
        environment: { npm_config_loglevel: "error" }, // npx would print warnings of its own.
      });
      expect({ line, status: await command.ends(), stderr: command.stderr }).toEqual({
        line,
        status: 0,
        stderr: line.includes("produce") ? expect.stringMatching(/^1 record, 5 B in /) : "",
      });
    }
    const consumed = await ropewalk(["consume", "orders", "--from-beginning", "-e"], {
      bootstrapServers: clients,
    });
    expect(consumed).toEqual({ status: 0, stdout: Buffer.from("hello\n"), stderr: "" });
    await dev.stop();
  });

  test("keeps its data between two starts", async () => {
    using directory = new TemporaryDirectory();
    const portBase = await freeDevPortBase();
    const bootstrapServers = [`127.0.0.1:${portBase}`];
    {
      await using dev = await DevCluster.start(directory.path, portBase);
      await ropewalk(["topic", "create", "kept", "-p", "2"], { bootstrapServers });
      const produced = await ropewalk(["produce", "kept", "-p", "1"], {
        bootstrapServers,
        input: "one\ntwo\n",
      });
      expect(produced.status).toBe(0);
      await dev.stop();
    }
    expect(readdirSync(directory.path)).toEqual([".ropewalk"]);
    await using dev = await DevCluster.start(directory.path, portBase);
    const args = ["consume", "kept", "--from-beginning", "-e", "-f", "%p %o %v\\n"];
    const { stdout, stderr } = await ropewalk(args, { bootstrapServers });
    expect({ stdout: stdout.toString(), stderr }).toEqual({
      stdout: "1 0 one\n1 1 two\n",
      stderr: "",
    });
    await dev.stop();
  });

  test("leaves nothing with --ephemeral, neither after Ctrl-C nor after a second one", async () => {
    using directory = new TemporaryDirectory();
    const work = join(directory.path, "work");
    const temporary = join(directory.path, "temporary");
    for (const path of [work, temporary]) mkdirSync(path);
    const portBase = await freeDevPortBase();
    for (const signals of [["SIGINT"], ["SIGINT", "SIGINT"]] as const) {
      await using dev = await DevCluster.start(work, portBase, {
        args: ["--ephemeral"],
        environment: { TMPDIR: temporary },
      });
      expect(readdirSync(temporary)).toHaveLength(1);
      for (const signal of signals) dev.command.signal(signal);
      const status = await dev.command.ends();
      // Two signals may be taken for one, where they come before the first is looked at.
      if (signals.length === 1) expect(status).toBe(0);
      expect({ temporary: readdirSync(temporary), work: readdirSync(work) }).toEqual({
        temporary: [],
        work: [],
      });
    }
  });

  test("says who has the directory when it is started twice, and the first goes on", async () => {
    using directory = new TemporaryDirectory();
    const [portBase, otherPortBase] = [await freeDevPortBase(), await freeDevPortBase()];
    await using dev = await DevCluster.start(directory.path, portBase);
    for (const port of [portBase, otherPortBase]) {
      const second = await ropewalk(["dev", "--port-base", String(port)], {
        directory: directory.path,
      });
      expect(second).toEqual({
        status: 1,
        stdout: Buffer.alloc(0),
        stderr: expect.stringMatching(/^ropewalk: cannot .*\.ropewalk.*\n$/),
      });
      expect(second.stderr).toContain(`ropewalk dev on port ${portBase}`);
    }
    const health = await ropewalk(["cluster", "health", "-b", `127.0.0.1:${portBase}`]);
    expect(health.stdout.toString()).toBe("healthy\n");
    await dev.stop();
  });

  test("names the port that is in use and the flag to choose others, which then works", async () => {
    using directory = new TemporaryDirectory();
    const portBase = await freeDevPortBase();
    for (const distance of [1, 11, 21]) {
      const port = portBase + distance;
      await using owner = await listen(port);
      expect(owner).toBeDefined();
      const refused = await ropewalk(["dev", "--port-base", String(portBase)], {
        directory: directory.path,
      });
      expect(refused).toEqual({
        status: 1,
        stdout: Buffer.alloc(0),
        stderr: expect.stringMatching(/^ropewalk: cannot .*\n$/),
      });
      expect(refused.stderr).toContain(`:${port}`);
      expect(refused.stderr).toContain("--port-base");
    }
    await using dev = await DevCluster.start(directory.path, await freeDevPortBase());
    await dev.stop();
    expect(existsSync(join(directory.path, ".ropewalk"))).toBe(true);
  });
});

async function listen(port: number): Promise<AsyncDisposable> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
