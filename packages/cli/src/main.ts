import { enableCompileCache } from "node:module";
import { join } from "node:path";
import process from "node:process";

// Compiling what a broker is made of takes longer than starting it. The cache lies where only this
// user can write: whoever can put code into it, runs it. (In a checkout the launcher chose a place.)
const home = process.env["HOME"];
if (home !== undefined && home !== "") enableCompileCache(join(home, ".cache", "ropewalk"));

// A reader that goes away is told to whoever writes; the stream's own event shall not end the process.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

// Only what is imported from here on comes from the cache.
const { runCommandLine } = await import("./program.ts");

// Everything that was printed has been waited for; a connection that is still being closed shall not
// keep the shell waiting.
process.exit(await runCommandLine(process.argv.slice(2)));
