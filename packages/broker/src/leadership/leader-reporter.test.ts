import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { LeaderReporter, type LedGroup } from "./leader-reporter.ts";
import { LeaderTable } from "./leader-table.ts";
import { RemoteCaller } from "../remote-caller.ts";
import { peerService } from "@ropewalk/protocol/internal";

const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };

/** A broker that leads two groups, and two peers that note what they are told. */
class Reporting {
  readonly clock = new SimulatedClock();
  /** Reports in the order in which they arrived. */
  readonly reports: { readonly peer: number; readonly groups: readonly LedGroup[] }[] = [];
  connected = [2, 3];
  /** Peers that answer nothing. */
  readonly silent = new Set<number>();
  readonly reporter: LeaderReporter;

  constructor() {
    const peers = new Map(this.connected.map((peer) => [peer, this.#peer(peer)]));
    const caller = new RemoteCaller(1, 1000, () => ({
      request: async (to, method, body) => {
        if (this.silent.has(to)) throw new Error("the connection broke");
        return peers.get(to)?.answer(1, method, body) ?? new Uint8Array();
      },
    }));
    const leading = (groupId: number) => ({
      key: { groupId },
      leadership: { kind: "leading", term: 4 } as const,
    });
    const following = { kind: "following", term: 4, leaderId: 2 } as const;
    this.reporter = new LeaderReporter({
      clock: this.clock,
      logger,
      caller,
      table: new LeaderTable(),
      connectedPeers: () => this.connected,
      groups: () => [leading(7), { key: { groupId: 8 }, leadership: following }, leading(9)],
    });
  }

  #peer(peer: number): RemoteCaller {
    const caller = new RemoteCaller(peer, 1000, () => {
      throw new Error("it asks nothing");
    });
    caller.handle(peerService.reportLeaders, async ({ groups }) => {
      this.reports.push({
        peer,
        groups: groups.map(({ groupId, term }) => ({ groupId, term })),
      });
      return {};
    });
    return caller;
  }

  /** What arrives in the next so many milliseconds. */
  async within(ms: number): Promise<typeof this.reports> {
    await this.clock.run(ms);
    return this.reports.splice(0);
  }
}

const everything = [
  { groupId: 7, term: 4 },
  { groupId: 9, term: 4 },
];

test("LeaderReporter tells everybody everything once, and again after ten seconds", async () => {
  const reporting = new Reporting();
  const toAll = [
    { peer: 2, groups: everything },
    { peer: 3, groups: everything },
  ];
  expect(await reporting.within(1500)).toEqual(toAll);
  expect(await reporting.within(8000)).toEqual([]);
  expect(await reporting.within(1000)).toEqual(toAll);
  reporting.reporter.stop();
});

test("LeaderReporter tells changes together, and at once", async () => {
  const reporting = new Reporting();
  await reporting.within(1500);
  reporting.reporter.leads({ groupId: 7, term: 5 });
  reporting.reporter.leads({ groupId: 11, term: 1 });
  const groups = [
    { groupId: 7, term: 5 },
    { groupId: 11, term: 1 },
  ];
  expect(await reporting.within(20)).toEqual([
    { peer: 2, groups },
    { peer: 3, groups },
  ]);
  reporting.reporter.stop();
});

test("LeaderReporter tells a peer everything that a report did not reach, that was unreachable, or that came", async () => {
  const reporting = new Reporting();
  await reporting.within(1500);
  reporting.silent.add(3);
  reporting.reporter.leads({ groupId: 7, term: 5 });
  await reporting.within(20);
  reporting.silent.delete(3);
  expect(await reporting.within(1000)).toEqual([{ peer: 3, groups: everything }]);

  reporting.reporter.unreachable(2);
  expect(await reporting.within(1000)).toEqual([{ peer: 2, groups: everything }]);
  expect(await reporting.within(1000)).toEqual([]);
  reporting.reporter.stop();
});

test("LeaderReporter tells a peer that connects later", async () => {
  const reporting = new Reporting();
  reporting.connected = [2];
  await reporting.within(1500);
  reporting.connected = [2, 3];
  expect(await reporting.within(1000)).toEqual([{ peer: 3, groups: everything }]);
  reporting.reporter.stop();
});
