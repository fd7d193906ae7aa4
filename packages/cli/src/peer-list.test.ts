import { describe, expect, test } from "vitest";

import { parsePeerList } from "./peer-list.ts";
import { expandPlaceholders, hostnameOrdinal } from "./placeholder.ts";

describe("parsePeerList()", () => {
  test("parsePeerList() reads ids and addresses, and sorts them by id", () => {
    expect(parsePeerList("2=b:7710, 1=[::1]:7711")).toEqual({
      value: [
        { brokerId: 1, address: { host: "::1", port: 7711 } },
        { brokerId: 2, address: { host: "b", port: 7710 } },
      ],
    });
  });

  test("parsePeerList() expands a range", () => {
    expect(parsePeerList("1..2=r-{ordinal}.peers-{id}:7710,9=x:1")).toEqual({
      value: [
        { brokerId: 1, address: { host: "r-0.peers-1", port: 7710 } },
        { brokerId: 2, address: { host: "r-1.peers-2", port: 7710 } },
        { brokerId: 9, address: { host: "x", port: 1 } },
      ],
    });
  });

  test.each([
    ["", '"" is not ID=host:port or FIRST..LAST=host:port'],
    ["a:7710", '"a:7710" is not ID=host:port or FIRST..LAST=host:port'],
    ["1=a", '"a" has no port; write a:PORT'],
    ["0=a:1", '"0=a:1" has an id outside 1–2147483647'],
    ["1=a:1,1=b:1", "broker 1 is there twice"],
    ["3..1=a-{id}:1", '"3..1=a-{id}:1" is an empty range'],
    ["1..2000=a-{id}:1", '"1..2000=a-{id}:1" names more than 1000 brokers'],
    ["1..3=a:1", '"a:1" is the same for every broker of the range; use {id} or {ordinal}'],
    ["1=a-{host}:1", "{host} is not known; there are {id}, {ordinal} and {hostname}"],
    ["1=a-{hostname}:1", "{hostname} is this broker's own; use {id} or {ordinal}"],
  ])("parsePeerList() refuses %j", (text, fault) => {
    expect(parsePeerList(text)).toEqual({ fault });
  });
});

test("hostnameOrdinal() takes the number at the end of the first label", () => {
  const names = ["ropewalk-0", "a-b-12.svc.cluster-3.local", "ropewalk", "7", "ropewalk2", "a-1b"];
  expect(names.map(hostnameOrdinal)).toEqual([0, 12, undefined, undefined, undefined, undefined]);
});

test("expandPlaceholders() fills in id, ordinal and host name", () => {
  const identity = { brokerId: 3, hostname: "ropewalk-2" };
  expect(expandPlaceholders("{hostname}/{id}/{ordinal}/{id}", identity)).toEqual({
    value: "ropewalk-2/3/2/3",
  });
  expect(expandPlaceholders("{toString}", identity).fault).toContain("{toString} is not known");
});
