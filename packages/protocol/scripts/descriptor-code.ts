import { spawnSync } from "node:child_process";

import { type GeneratedModule, header } from "./module-code.ts";

const columns = 96;

/**
 * The descriptors of all files below `protoRoot`, and of what they import, for gRPC reflection. What
 * brokers keep among themselves is left out.
 */
export function descriptorModule(protoRoot: string): GeneratedModule {
  const text = buildDescriptorSet(protoRoot).toString("base64");
  const lines = text.match(new RegExp(`.{1,${columns}}`, "g")) ?? [];
  return {
    fileName: "descriptor-set.ts",
    text: `${header("proto/")}
      /** A serialized \`google.protobuf.FileDescriptorSet\` of every public file, in base64; read by \`FileDescriptors\`. */
      export const descriptorSetBase64: string = [
        ${lines.map((line) => `"${line}",`).join("\n")}
      ].join("");`,
  };
}

function buildDescriptorSet(protoRoot: string): Buffer {
  const internal = `${protoRoot}/ropewalk/internal`;
  const options = ["--as-file-descriptor-set", "--exclude-source-info", "--exclude-path", internal];
  const build = spawnSync("buf", ["build", protoRoot, "-o", "-", ...options], {
    shell: process.platform === "win32",
  });
  if (build.status !== 0)
    throw new Error(`buf build failed: ${String(build.error ?? build.stderr)}`);
  return build.stdout;
}
