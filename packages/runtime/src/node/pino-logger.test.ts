import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pinoLogger } from "./pino-logger.ts";

const root = await mkdtemp(join(tmpdir(), "ropewalk-logger-"));
afterAll(() => rm(root, { recursive: true }));

async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const content = await readFile(path, "utf8");
  return content
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("pinoLogger() writes a JSON object a line, at once", async () => {
  const path = join(root, "new-directory", "broker.log");
  const logger = pinoLogger({ destination: { path } });
  logger.info("Started", { port: 7700 });
  logger.warn("No fields");
  expect(await linesOf(path)).toEqual([
    { level: "info", time: expect.stringMatching(/^\d{4}-.*Z$/), port: 7700, message: "Started" },
    { level: "warn", time: expect.any(String), message: "No fields" },
  ]);
});

test("pinoLogger() leaves out what is below its level", async () => {
  const path = join(root, "warn.log");
  const logger = pinoLogger({ level: "warn", destination: { path } });
  logger.debug("debug");
  logger.info("info");
  logger.warn("warn");
  logger.error("error");
  expect((await linesOf(path)).map((line) => line["level"])).toEqual(["warn", "error"]);
});

test("pinoLogger() serialises an error in any field, with its code and causes", async () => {
  const path = join(root, "errors.log");
  const logger = pinoLogger({ destination: { path } });
  const error = Object.assign(new Error("outer", { cause: new Error("inner") }), { code: "EIO" });
  logger.error("Failed", { error, reason: error });
  const [line] = await linesOf(path);
  for (const field of ["error", "reason"]) {
    expect(line?.[field]).toMatchObject({ type: "Error", message: "outer: inner", code: "EIO" });
  }
});

test("Logger.child() adds its fields to every line", async () => {
  const path = join(root, "child.log");
  const child = pinoLogger({ destination: { path } }).child({ brokerId: 1 }).child({ groupId: 2 });
  child.info("Elected", { term: 3 });
  expect((await linesOf(path))[0]).toMatchObject({ brokerId: 1, groupId: 2, term: 3 });
});
