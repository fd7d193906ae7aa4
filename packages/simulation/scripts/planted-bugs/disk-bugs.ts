import type { PlantedBug } from "./planted-bug.ts";

/** What is called durable is not, or is not found again. */
export const diskBugs: readonly PlantedBug[] = [
  {
    name: "the journal is written and not synced",
    file: "log/src/journal/journal-file.ts",
    find: "      await this.#once(this.#file.datasync());\n    } else await this.#once(this.#overwrite(position, buffers));",
    put: "    } else await this.#once(this.#file.write(position, buffers));",
  },
  {
    name: "a new journal file's name is not synced",
    file: "log/src/journal/journal-file.ts",
    find: "      await disk.syncDirectory(directory);",
    put: "",
  },
  {
    name: "a recycled journal file's name is not synced",
    file: "log/src/journal/journal-file.ts",
    find: "    await disk.syncDirectory(directory);\n    const name",
    put: "    const name",
  },
  {
    name: "a recycled journal file keeps the salt of its old records",
    file: "log/src/journal/journal-file.ts",
    find: "const { bytes, salt } = encodeFileHeader(target);\n    await this.settled();",
    put: "const { bytes, salt } = { ...encodeFileHeader(target), salt: this.salt };\n    await this.settled();",
  },
  {
    name: "what a start has read is not written and synced again",
    file: "log/src/journal/recovery.ts",
    find: "    if (last !== undefined) await rewriteUnproven(examination, last, end.position);",
    put: "    if (last === undefined) await rewriteUnproven(examination, found.values().next().value as never, end.position);",
  },
  {
    name: "an append that replaces entries is replayed behind them",
    file: "log/src/journal/replay.ts",
    find: "if (entries.length > 0) state.truncate(Math.max(header.firstIndex, movedIndex + 1));",
    put: "if (entries.length > 0 && header.firstIndex > state.index.lastIndex) state.truncate(Math.max(header.firstIndex, movedIndex + 1));",
  },
  {
    name: "segments are not synced before the checkpoint names them",
    file: "log/src/destage/destager.ts",
    find: "await atOnce(movesAtOnce, open, (move) => move.sync());",
    put: "",
  },
  {
    name: "names of segments are not synced before the checkpoint names them",
    file: "log/src/destage/destager.ts",
    find: "if (done.some(({ hasNewFiles }) => hasNewFiles)) await disk.syncDirectory(directory);",
    put: "",
  },
  {
    name: "entries move to segments that are not committed",
    file: "log/src/destage/destager.ts",
    find: "let high = Math.min(Math.max(committedIndex, hardState.commit), index.lastIndex);",
    put: "let high = Math.max(committedIndex, hardState.commit, index.lastIndex);",
  },
  {
    name: "a checkpoint is written and not synced",
    file: "log/src/checkpoint/checkpoint-files.ts",
    find: "        await file.datasync();\n",
    put: "",
  },
  {
    name: "the vote is not written",
    file: "log/src/journal/journal-record.ts",
    find: "writeUint64(head, 64, hardState.vote);",
    put: "writeUint64(head, 64, 0);",
  },
  {
    name: "the vote is not in the checkpoint",
    file: "log/src/checkpoint/checkpoint-codec.ts",
    find: ".uvarint(hardState.vote)",
    put: ".uvarint(0)",
  },
  {
    name: "a journal file is left open when a broker stops",
    file: "log/src/journal/journal.ts",
    find: "      await file.settled();\n      await file.close();",
    put: "      await file.settled();",
  },
];
