// Makes a fresh checkout ready: installs what package-lock.json names, once per lock file.
// Runs on the system's Node (20 or newer) before anything is installed, so it is plain JavaScript.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("..", import.meta.url);
const stampFile = new URL("node_modules/.ropewalk-setup", root);
const lockHash = createHash("sha256")
  .update(readFileSync(new URL("package-lock.json", root)))
  .digest("hex");

if (readStamp() !== lockHash) {
  console.error("Setting up: installing the packages of package-lock.json (once) …");
  const install = spawnSync(
    "npm",
    // Not `npm ci`: it wants the optional packages of every platform in the lock file.
    ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", "--include=dev"],
    { cwd: root, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" },
  );
  if (install.status !== 0) {
    console.error("Setting up failed: `npm install` did not finish; its message stands above.");
    process.exit(install.status ?? 1);
  }
  warmUp();
  writeFileSync(stampFile, lockHash);
}

/** Compiles once what the first start would compile otherwise; where that fails, it only takes longer. */
function warmUp() {
  const modules = ["@ropewalk/broker", "@ropewalk/client", "@ropewalk/runtime/node", "ropewalk"];
  const program = modules.map((name) => `await import("${name}");`).join("\n");
  const node = fileURLToPath(new URL("node_modules/.bin/node", root));
  const cache = fileURLToPath(new URL("node_modules/.cache/ropewalk", root));
  spawnSync(node, ["--conditions=source", "--input-type=module", "--eval", program], {
    cwd: root,
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
    stdio: "ignore",
  });
}

function readStamp() {
  try {
    return readFileSync(stampFile, "utf8");
  } catch {
    return undefined; // Never set up.
  }
}
