import process from "node:process";

import { runCommandLine } from "./program.ts";

// A reader that goes away is told to whoever writes; the stream's own event shall not end the process.
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

// Everything that was printed has been waited for; a connection that is still being closed shall not
// keep the shell waiting.
process.exit(await runCommandLine(process.argv.slice(2)));
