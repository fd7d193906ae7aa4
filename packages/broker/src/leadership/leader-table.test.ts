import { expect, test } from "vitest";
import { LeaderTable } from "./leader-table.ts";

const groupId = 7;
const brokerId = 1;

test("LeaderTable keeps the leader of the newest term, whoever tells and in whatever order", () => {
  const table = new LeaderTable();
  table.leads(groupId, 2, 5);
  table.leads(groupId, 3, 4);
  expect(table.get(groupId)).toEqual({ leaderId: 2, term: 5 });
  table.follow(groupId, { kind: "following", term: 6, leaderId: 3 }, brokerId);
  expect(table.get(groupId)).toEqual({ leaderId: 3, term: 6 });
});

test("LeaderTable forgets that this broker leads when it steps down within its term", () => {
  const table = new LeaderTable();
  table.follow(groupId, { kind: "leading", term: 5 }, brokerId);
  table.follow(groupId, { kind: "following", term: 5, leaderId: 0 }, brokerId);
  expect(table.get(groupId)).toBeUndefined();
});

test("LeaderTable keeps another broker as leader while this one only misses it", () => {
  const table = new LeaderTable();
  table.leads(groupId, 2, 5);
  table.follow(groupId, { kind: "following", term: 5, leaderId: 0 }, brokerId);
  expect(table.get(groupId)).toEqual({ leaderId: 2, term: 5 });
  table.follow(groupId, { kind: "following", term: 6, leaderId: 0 }, brokerId);
  expect(table.get(groupId)).toBeUndefined();
});
