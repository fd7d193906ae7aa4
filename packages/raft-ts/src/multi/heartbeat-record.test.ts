import { expect, test } from "vitest";
import { HeartbeatRecord } from "./heartbeat-record.ts";

/** A record of a peer that holds, and has answered, a full heartbeat of term 3 and commit 10. */
function established(): HeartbeatRecord {
  const record = new HeartbeatRecord(2);
  record.sending(3, 10, 0);
  record.answered(3, 10);
  return record;
}

test("HeartbeatRecord.sending() is light only once a full heartbeat is known to have arrived", () => {
  const record = new HeartbeatRecord(2);
  expect(record.sending(3, 10, 0)).toBe(false);
  expect(record.sending(3, 10, 0)).toBe(false);
  record.answered(3, 10);
  expect(record.sending(3, 10, 0)).toBe(true);
  record.answeredLight();
  expect(record.sending(3, 10, 0)).toBe(true);
});

test("HeartbeatRecord.sending() is full again after a heartbeat that stayed unanswered", () => {
  const record = established();
  expect(record.sending(3, 10, 0)).toBe(true);
  expect(record.sending(3, 10, 0)).toBe(false);
});

test("HeartbeatRecord.sending() is full for another term, another commit index and a read", () => {
  expect(established().sending(4, 10, 0)).toBe(false);
  expect(established().sending(3, 11, 0)).toBe(false);
  expect(established().sending(3, 10, 7)).toBe(false);
});

test("HeartbeatRecord.answered() does not take the answer to an older heartbeat for the newest's", () => {
  const record = established();
  record.sending(3, 12, 0);
  record.answered(3, 10); // The one with 12 was lost: light ones would stand for 10.
  expect(record.sending(3, 12, 0)).toBe(false);
});

test("HeartbeatRecord.lightTerm is unknown while the peer may hold another term", () => {
  const record = established();
  expect(record.lightTerm).toBe(3);
  record.sending(4, 10, 0);
  expect(record.lightTerm).toBeUndefined();
});
