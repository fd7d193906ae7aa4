import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/* `npm run test:faults -- [--rounds N] [--seed S] [--kinds NAME,NAME]` */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1" },
    seed: { type: "string" },
    kinds: { type: "string" },
  },
});
const env = {
  ...process.env,
  ROPEWALK_FAULT_ROUNDS: values.rounds,
  ...(values.seed !== undefined && { ROPEWALK_TEST_SEED: values.seed }),
  ...(values.kinds !== undefined && { ROPEWALK_FAULT_KINDS: values.kinds }),
};
const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
const args = [vitest, "run", "--config", "test/vitest.config.ts", "--project", "faults"];
process.exitCode = spawnSync(process.execPath, args, { env, stdio: "inherit" }).status ?? 1;
