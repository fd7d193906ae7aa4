import { describe, expect, test } from "vitest";

import { formatAddress, isWildcardHost, parseAddress } from "./address.ts";

describe("parseAddress()", () => {
  test.each([
    ["localhost:7700", { host: "localhost", port: 7700 }],
    ["10.0.0.1:1", { host: "10.0.0.1", port: 1 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
    ["ropewalk-0.peers.default.svc:7710", { host: "ropewalk-0.peers.default.svc", port: 7710 }],
  ])("parseAddress() reads %s", (text, address) => {
    expect(parseAddress(text)).toEqual({ value: address });
    expect(formatAddress(address)).toBe(text);
  });

  test("parseAddress() takes the default port only where there is one", () => {
    expect(parseAddress("broker", 7700)).toEqual({ value: { host: "broker", port: 7700 } });
    expect(parseAddress("broker").fault).toBe('"broker" has no port; write broker:PORT');
  });

  test.each([
    "",
    ":7700",
    "a b:1",
    "::1:7700",
    "host:",
    "host:x",
    "host:0",
    "host:65536",
    "http://host:1",
  ])("parseAddress() refuses %j", (text) => {
    expect(parseAddress(text).fault).toBeTypeOf("string");
  });
});

test("isWildcardHost() knows the names of every interface", () => {
  expect(["0.0.0.0", "::", "localhost"].map(isWildcardHost)).toEqual([true, true, false]);
});
