import process from "node:process";
import { parseArgs } from "node:util";
import { Broker } from "@ropewalk/broker";
import { nodeRuntime } from "@ropewalk/runtime/node";

/*
 * One broker, started as `ropewalk broker` is, whose journal is so small that what is written moves to segments
 * within moments, and history that is cut is gone.
 */

const kibibyte = 1024;

function addressOf(text: string): { host: string; port: number } {
  const [host = "", port] = text.split(":");
  return { host, port: Number(port) };
}

const { values } = parseArgs({
  options: Object.fromEntries(
    [
      "id",
      "peers",
      "data-dir",
      "listen",
      "advertise",
      "peer-listen",
      "peer-advertise",
      "http-listen",
      "journal-file-kib",
    ].map((name) => [name, { type: "string" as const, default: "" }]),
  ),
});
const setting = (name: string): string => String(values[name]);
const journalFileBytes = Number(setting("journal-file-kib") || 256) * kibibyte;

const broker = await Broker.start(
  {
    brokerId: Number(setting("id")),
    dataDirectory: setting("data-dir"),
    client: {
      listen: addressOf(setting("listen")),
      advertise: addressOf(setting("advertise")),
    },
    peer: {
      listen: addressOf(setting("peer-listen")),
      advertise: addressOf(setting("peer-advertise")),
    },
    http: { listen: addressOf(setting("http-listen")) },
    bootstrap: setting("peers")
      .split(",")
      .map((peer) => {
        const [id, address = ""] = peer.split("=");
        return { brokerId: Number(id), address: addressOf(address) };
      }),
    rack: "",
    limits: { checkpointMs: 100 },
    log: {
      journalBytesMax: 4 * journalFileBytes,
      fileBytesMax: journalFileBytes,
      fillAheadBytes: 64 * kibibyte,
      cacheBytesMax: 256 * kibibyte,
      diskReserveBytes: 16 * 1024 * kibibyte,
      spaceCheckMs: 50,
    },
  },
  nodeRuntime({ log: { level: "info" } }),
);
process.once("SIGTERM", () => {
  void broker.stop().then(() => process.exit(0));
});
