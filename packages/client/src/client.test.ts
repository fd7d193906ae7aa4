import { expect, test } from "vitest";
import { createClient } from "./index.ts";

test("RopewalkClient hands out nothing any more from the moment it is closed", async () => {
  const client = createClient({ bootstrapServers: ["127.0.0.1:1"] });
  const closing = client.close();
  const refusal = expect.objectContaining({ code: "INVALID_REQUEST", outcome: "definite" });
  expect(() => client.producer()).toThrow(refusal);
  expect(() => client.consumer({ topic: "t" })).toThrow(refusal);
  expect(() => client.admin()).toThrow(refusal);
  await closing;
  expect(() => client.producer()).toThrow(refusal);
});
