import { setTimeout as pause } from "node:timers/promises";

import type { Admin, LeavingBroker } from "@ropewalk/client";
import type { BrokerDescription } from "@ropewalk/protocol";
import { Command } from "commander";

import { failure } from "../cli-error.ts";
import { questions, withClient } from "../cluster-client.ts";
import { integerFlag } from "../flag-value.ts";
import { type GlobalOptions, globalOptions } from "../global-options.ts";
import { fewVotersNote } from "../few-voters-note.ts";
import { BROKER_ID_MAX } from "../peer-list.ts";
import { printJson, printNotice, printResult } from "../terminal.ts";

/** What can be asked of a broker. */
type Verb = "drain" | "undrain" | "decommission";

interface DutyOptions {
  readonly dryRun?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
}

/** A broker as it was, and, where it is to leave, how many vote on the metadata without it. */
type AskedBroker = BrokerDescription & Partial<Pick<LeavingBroker, "metadataVoterCount">>;

interface DutyWords {
  readonly description: string;
  readonly help: string;
  readonly change: (admin: Admin, brokerId: number, dryRun: boolean) => Promise<AskedBroker>;
  /** Whether it is done, as the cluster is now; `undefined`: the broker is gone from it. */
  readonly isDone: (broker: BrokerDescription | undefined) => boolean;
  readonly done: string;
}

const DUTIES: Readonly<Record<Verb, DutyWords>> = {
  drain: {
    description: "move everything that a broker leads to others, and keep it away",
    help: `
Do this before you stop a broker. It goes on serving as a follower and gets no new replicas until it is undrained.
It is refused where a partition, or the cluster's metadata, would be left without a majority once the broker is stopped.
The wish is kept by the cluster: the command may be ended and given again.

Example:
  ropewalk broker drain 2 --dry-run`,
    change: (admin, brokerId, dryRun) => admin.drainBroker(brokerId, { dryRun }),
    isDone: (broker) => broker === undefined || broker.ledPartitionCount === 0,
    done: "drained: it leads nothing",
  },
  undrain: {
    description: "let a drained broker lead and get replicas again",
    help: "\nExample:\n  ropewalk broker undrain 2",
    change: (admin, brokerId, dryRun) => admin.undrainBroker(brokerId, { dryRun }),
    isDone: () => true,
    done: "undrained: it may lead again",
  },
  decommission: {
    description: "take a broker out of the cluster for good",
    help: `
Its leaderships and its replicas go to other brokers; then it is removed, and may be stopped. Until then undrain takes
it back. It is refused where the others could not hold what it has, or where the cluster's metadata would be left without a
majority. Where fewer than three brokers are left to vote on the metadata it says what that means. A broker that is dead is
decommissioned the same way.
The wish is kept by the cluster: the command may be ended and given again.

Example:
  ropewalk broker decommission 4 --dry-run`,
    change: (admin, brokerId, dryRun) => admin.decommissionBroker(brokerId, { dryRun }),
    isDone: (broker) => broker === undefined,
    done: "decommissioned: it is removed, and may be stopped",
  },
};

const POLL_MS = 250;
const PROGRESS_MS = 2000;
const WAIT_SECONDS_MAX = 24 * 60 * 60;

/** `ropewalk broker drain`, `undrain` and `decommission` */
export function brokerDutyCommands(): Command[] {
  return (["drain", "undrain", "decommission"] as const).map((verb) => dutyCommand(verb));
}

function dutyCommand(verb: Verb): Command {
  const { description, help } = DUTIES[verb];
  return new Command(verb)
    .description(description)
    .argument("<id>", "the broker", integerFlag(1, BROKER_ID_MAX))
    .option("--dry-run", "say what would be done or refused, and change nothing")
    .option("--no-wait", "do not wait until it is done")
    .option(
      "--timeout <seconds>",
      "wait so long",
      integerFlag(1, WAIT_SECONDS_MAX),
      WAIT_SECONDS_MAX,
    )
    .addHelpText("after", help)
    .action((brokerId: number, options: DutyOptions, command: Command) =>
      runDuty(verb, brokerId, options, globalOptions(command)),
    );
}

async function runDuty(
  verb: Verb,
  brokerId: number,
  options: DutyOptions,
  globals: GlobalOptions,
): Promise<void> {
  const { change, done, isDone } = DUTIES[verb];
  const dryRun = options.dryRun === true;
  const attempted = { action: `${verb} broker ${brokerId}` };
  const { left, metadataVoterCount } = await withClient(globals, attempted, async (client) => {
    const admin = questions(client);
    const { metadataVoterCount: votersLeft, ...before } = await change(admin, brokerId, dryRun);
    const isOver = dryRun || !options.wait || before.state === "REMOVED";
    const after = isOver
      ? before
      : await untilDone(admin, brokerId, options.timeout, isDone, globals.format !== "json");
    return { left: after, metadataVoterCount: votersLeft };
  });
  if (globals.format === "json") {
    return printJson({
      verb,
      brokerId,
      dryRun,
      waited: !dryRun && options.wait,
      broker: left ?? null,
      metadataVoterCount,
    });
  }
  if (left?.state === "REMOVED") return printResult(`broker ${brokerId} was removed before\n`);
  const outcome = options.wait ? done : `to be ${done.split(":")[0]}: ${contents(left)}`;
  const line = dryRun
    ? `would ${verb} broker ${brokerId}, ${contents(left)}`
    : `broker ${brokerId} is ${outcome}`;
  await printResult([line, ...fewVotersNote(metadataVoterCount), ""].join("\n"));
}

async function untilDone(
  admin: Admin,
  brokerId: number,
  timeoutSeconds: number,
  isDone: DutyWords["isDone"],
  tellsProgress: boolean,
): Promise<BrokerDescription | undefined> {
  const endMs = Date.now() + timeoutSeconds * 1000;
  let toldMs = Date.now();
  for (;;) {
    const { brokers } = await admin.describeCluster();
    const broker = brokers.find((each) => each.brokerId === brokerId);
    if (isDone(broker)) return broker;
    if (Date.now() >= endMs) {
      throw failure(
        `broker ${brokerId}: after ${timeoutSeconds} s it is ${contents(broker)}; it goes on, ask with ropewalk broker list`,
      );
    }
    if (tellsProgress && Date.now() - toldMs >= PROGRESS_MS) {
      toldMs = Date.now();
      await printNotice(`broker ${brokerId} is ${contents(broker)}`);
    }
    await pause(POLL_MS);
  }
}

/** What a broker has, for people. */
function contents(broker: BrokerDescription | undefined): string {
  if (broker === undefined || broker.state === "REMOVED") return "gone";
  const { ledPartitionCount, replicaCount, state } = broker;
  return `${state.toLowerCase()}: leads ${ledPartitionCount} partitions, has ${replicaCount} replicas`;
}
