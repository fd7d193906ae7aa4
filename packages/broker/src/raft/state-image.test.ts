import { type GroupLog, LogError, type LogStore } from "@ropewalk/log";
import { DiskError, type KeyValueChange, type KeyValueStore } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { encodeStateImage, restoreImages } from "./state-image.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });
const body = encodeStateImage({ prefixes: [], pairs: [["state", Uint8Array.of(1)]] });

/** Groups 1, 2, ... whose images come out like this, and an empty store. */
function storesOf(...images: readonly (Uint8Array | Error)[]) {
  const committed: (readonly KeyValueChange[])[] = [];
  const groups = images.map((_image, row) => {
    const group: Partial<GroupLog> = {
      key: { groupId: row + 1, incarnation: 1 },
      imageIndex: 5,
      quarantined: undefined,
    };
    return group as GroupLog;
  });
  const log: Partial<LogStore> = {
    groups: () => groups,
    image: ({ key }) => {
      const image = images[key.groupId - 1];
      return image instanceof Uint8Array
        ? Promise.resolve({ index: 5, body: image })
        : Promise.reject(image ?? new Error("there is none"));
    },
  };
  const state: Partial<KeyValueStore> = {
    get: () => undefined,
    range: () => [],
    commit: (changes) => {
      committed.push(changes);
      return Promise.resolve();
    },
  };
  return { committed, restored: restoreImages(log as LogStore, state as KeyValueStore, logger) };
}

test.each([
  new LogError("DATA_DAMAGED", "other bytes"),
  new DiskError("NOT_FOUND", "no such file"),
  Uint8Array.of(99),
])("restoreImages() goes on where one image is lost: %s", async (lost) => {
  const { committed, restored } = storesOf(body, lost, body);
  expect(await restored).toBe(2);
  expect(committed).toHaveLength(2);
});

test("restoreImages() gives up where the disk fails", async () => {
  await expect(storesOf(new DiskError("IO", "broken"), body).restored).rejects.toThrow("broken");
});
