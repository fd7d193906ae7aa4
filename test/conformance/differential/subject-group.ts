import type { ConfChange, ConfChangeTransition, ConfState, Message } from "raft-ts";
import { parseConfChangeSteps } from "../etcd-raft/describe.ts";
import { describeConfState, describeMessage, describeReady, describeStatus } from "./canonical.ts";
import { ReadSequences, stepOutcome } from "./deviations.ts";
import type { Command, GroupSettings } from "./schedule.ts";
import { PAYLOAD_BYTES } from "./schedule.ts";
import { SubjectNode } from "./subject-node.ts";

const TRANSITIONS: readonly ConfChangeTransition[] = ["auto", "jointImplicit", "jointExplicit"];

/** The raft-ts nodes of one schedule and every message they ever sent to each other, by number. */
export class SubjectGroup {
  readonly settings: GroupSettings;
  readonly nodes: ReadonlyMap<number, SubjectNode>;
  readonly sent: Message[] = [];
  readonly #readSequences = new ReadSequences();
  #random = 0;

  constructor(settings: GroupSettings) {
    this.settings = settings;
    const { voters, learners, base } = settings;
    const members: ConfState = {
      voters,
      votersOutgoing: [],
      learners,
      learnersNext: [],
      autoLeave: false,
    };
    const nodes = new Map<number, SubjectNode>();
    for (let id = 1; id <= settings.nodes; id++) {
      const isMember = base === 0 || voters.includes(id) || learners.includes(id);
      const options = {
        id,
        settings,
        random: () => this.#random,
        post: (messages: readonly Message[]) => void this.sent.push(...messages),
      };
      nodes.set(id, new SubjectNode(options, isMember ? members : undefined));
    }
    this.nodes = nodes;
  }

  node(id: number): SubjectNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  message(number: number): Message {
    const message = this.sent[number];
    if (message === undefined) throw new Error(`there is no message ${number}`);
    return message;
  }

  /** Does one command and answers what came of it. */
  run(command: Command): string {
    this.#random = command.random;
    const [first, ...args] = command.args.map(String);
    if (command.name === "deliver") {
      const message = this.message(Number(first));
      const node = this.node(message.to);
      const outcome = stepOutcome(node.step(message));
      return `deliver ${outcome} | ${describeStatus(node.rawNode)}`;
    }
    const node = this.node(Number(first));
    const result = this.#runOn(node, command.name, args);
    return `${command.name} ${result} | ${describeStatus(node.rawNode)}`;
  }

  #runOn(node: SubjectNode, name: Exclude<Command["name"], "deliver">, args: string[]): string {
    const { rawNode } = node;
    const [first = "", second = "", third = ""] = args;
    switch (name) {
      case "propose":
        return proposeOutcome(rawNode.propose(Buffer.from(first.padEnd(PAYLOAD_BYTES, "."))).kind);
      case "confchange": {
        const change = confChange(second, third);
        const entryType = first === "v1" ? "confChange" : "confChangeV2";
        return proposeOutcome(rawNode.proposeConfChange(change, entryType).kind);
      }
      case "ready":
        return describeReady(node.ready(), (message) =>
          describeMessage(this.#readSequences.normalise(message)),
        );
      case "tick":
        rawNode.tick();
        break;
      case "campaign":
        rawNode.campaign();
        break;
      case "read":
        node.read(Number(first));
        break;
      case "transfer":
        rawNode.transferLeader(Number(first));
        break;
      case "forget":
        rawNode.forgetLeader();
        break;
      case "unreachable":
        rawNode.reportUnreachable(Number(first));
        break;
      case "snapstatus":
        rawNode.reportSnapshot(Number(first), second === "failure" ? "failure" : "finish");
        break;
      case "advance":
        node.advance();
        return describeConfState(node.storage.state.confState);
      case "append":
        node.processAppend();
        break;
      case "apply":
        node.processApply();
        return describeConfState(node.storage.state.confState);
      case "compact":
        node.storage.compact(Number(first));
        break;
      case "snapshots":
        node.storage.offersSnapshots = first === "on";
        break;
      case "restart":
        node.restart();
        break;
    }
    return "ok";
  }
}

function proposeOutcome(kind: string): string {
  return kind === "dropped" ? "proposalDropped" : "ok";
}

/** A membership change that is PAYLOAD_BYTES long in the log. */
function confChange(transitionName: string, steps: string): ConfChange {
  const transition = TRANSITIONS.find((name) => name === transitionName) ?? "auto";
  const changes = steps === "-" ? [] : parseConfChangeSteps(steps.replaceAll(",", " "));
  const headerBytes = 3;
  const stepBytes = 9;
  const context = new Uint8Array(PAYLOAD_BYTES - headerBytes - stepBytes * changes.length);
  return { transition, changes, context };
}
