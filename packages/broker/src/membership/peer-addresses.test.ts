import { describe, expect, test } from "vitest";
import { PeerAddresses } from "./peer-addresses.ts";

const registered = { host: "a", port: 1 };
const configured = { host: "b", port: 1 };
const said = { host: "b", port: 2 };

describe("PeerAddresses.next()", () => {
  test("PeerAddresses.next() knows a broker by its own word where nobody else names it", () => {
    const addresses = new PeerAddresses();
    expect(addresses.next(4, [undefined, undefined])).toBeUndefined();
    addresses.said(4, said);
    expect(addresses.next(4, [undefined, undefined])).toEqual(said);
    expect(addresses.next(5, [undefined, undefined])).toBeUndefined();
  });

  test("PeerAddresses.next() takes turns where the addresses of a broker differ", () => {
    const addresses = new PeerAddresses();
    addresses.said(4, said);
    const next = (): unknown => addresses.next(4, [registered, configured]);
    expect([next(), next(), next(), next()]).toEqual([registered, configured, said, registered]);
    expect(addresses.next(5, [registered, { ...registered }])).toEqual(registered);
  });
});
