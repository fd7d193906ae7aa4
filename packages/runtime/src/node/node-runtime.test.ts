import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("nodeRuntime() is a whole runtime that does not keep the process alive by itself", async () => {
  const script = `import { nodeRuntime } from "@ropewalk/runtime/node";
    const runtime = nodeRuntime({ log: { level: "warn" } });
    runtime.logger.info("left out");
    runtime.logger.warn("written", { parts: Object.keys(runtime).length });`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--conditions=source", "--input-type=module", "--eval", script],
    { cwd: import.meta.dirname },
  );
  expect(JSON.parse(stdout)).toMatchObject({ level: "warn", parts: 7, message: "written" });
});
