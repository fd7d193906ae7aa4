import type { ConfChangeTransition, Message, RaftEvent } from "raft-ts";
import { APPEND_THREAD, APPLY_THREAD, createMessage, NO_DATA } from "raft-ts";
import type { Directive } from "./datadriven.ts";
import { argumentValue, argumentValues, positionalIds } from "./datadriven.ts";
import {
  describeEntry,
  describeMessage,
  describeProgress,
  describeReady,
  describeRole,
  parseConfChangeSteps,
} from "./describe.ts";
import { InteractionNode } from "./interaction-node.ts";
import type { Level } from "./log-lines.ts";
import { LEVELS, logLine } from "./log-lines.ts";
import { parseNodeSetup } from "./node-setup.ts";

/** A stabilization that takes longer than this goes round in circles. */
const ROUNDS_MAX = 1_000;

/** One file's nodes, the messages between them, and the commands that move them. */
export class InteractionEnvironment {
  readonly #nodes: InteractionNode[] = [];
  #inFlight: Message[] = [];
  #level: Level = "DEBUG";
  #output: string[] = [];
  #indent = "";

  /** Carries out one command and answers what it prints. */
  run(directive: Directive): string {
    this.#output = [];
    this.#indent = "";
    this.#dispatch(directive);
    return this.#output.length === 0 ? "ok" : this.#output.join("\n");
  }

  #dispatch(directive: Directive): void {
    switch (directive.command) {
      case "add-nodes":
        return this.#addNodes(directive);
      case "campaign":
        return this.#only(directive).rawNode.campaign();
      case "propose":
        return this.#propose(directive);
      case "propose-conf-change":
        return this.#proposeConfChange(directive);
      case "process-ready":
        return this.#processReadies(positionalIds(directive));
      case "process-append-thread":
        return this.#forEachNode(directive, "processing append thread", (node) =>
          this.#processAppend(node),
        );
      case "process-apply-thread":
        return this.#forEachNode(directive, "processing apply thread", (node) =>
          this.#processApply(node),
        );
      case "deliver-msgs":
        return this.#deliverMessages(directive);
      case "stabilize":
        return this.#stabilize(directive);
      case "tick-heartbeat":
        return this.#only(directive).rawNode.tick();
      case "tick-election":
        return this.#tickElection(this.#only(directive));
      case "set-randomized-election-timeout":
        return this.#only(directive).rawNode.overrideElectionTimeout(
          Number(argumentValue(directive, "timeout", "0")),
        );
      case "compact":
        return this.#compact(directive);
      case "raft-log":
        return this.#printLog(this.#only(directive));
      case "raft-state":
        return this.#printStates();
      case "status":
        return this.#printStatus(this.#only(directive));
      case "transfer-leadership":
        return this.#node(Number(argumentValue(directive, "from", ""))).rawNode.transferLeader(
          Number(argumentValue(directive, "to", "")),
        );
      case "forget-leader":
        return this.#only(directive).rawNode.forgetLeader();
      case "report-unreachable": {
        const [reporter, target] = positionalIds(directive);
        return this.#node(reporter ?? 0).rawNode.reportUnreachable(target ?? 0);
      }
      case "send-snapshot":
        return this.#sendSnapshot(directive);
      case "log-level":
        return this.#setLevel(directive.arguments[0]?.key ?? "");
      default:
        throw new Error(`line ${directive.line}: unknown command ${directive.command}`);
    }
  }

  #print(text: string): void {
    // At level NONE upstream prints nothing but errors.
    if (this.#level === "NONE") return;
    for (const line of text.split("\n")) this.#output.push(this.#indent + line);
  }

  #printError(text: string): void {
    this.#output.push(this.#indent + text);
  }

  #log(id: number, event: RaftEvent): void {
    const line = logLine(id, event);
    if (line === undefined || LEVELS.indexOf(line.level) < LEVELS.indexOf(this.#level)) return;
    this.#print(`${line.level} ${line.text}`);
  }

  #indented(action: () => void): void {
    const before = this.#indent;
    this.#indent = `${before}  `;
    action();
    this.#indent = before;
  }

  #setLevel(name: string): void {
    const level = LEVELS.find((candidate) => candidate === name.toUpperCase());
    if (level === undefined) throw new Error(`unknown log level ${name}`);
    this.#level = level;
  }

  #node(id: number): InteractionNode {
    const node = this.#nodes[id - 1];
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  #only(directive: Directive): InteractionNode {
    return this.#node(positionalIds(directive)[0] ?? 0);
  }

  #selected(directive: Directive): readonly InteractionNode[] {
    const ids = positionalIds(directive);
    return ids.length === 0 ? this.#nodes : ids.map((id) => this.#node(id));
  }

  #addNodes(directive: Directive): void {
    const count = positionalIds(directive)[0] ?? 0;
    const setup = parseNodeSetup(directive);
    for (let created = 0; created < count; created++) {
      const id = this.#nodes.length + 1;
      this.#nodes.push(new InteractionNode(id, setup, (event) => this.#log(id, event)));
    }
  }

  #propose(directive: Directive): void {
    const [id, word] = directive.arguments.map((argument) => argument.key);
    const outcome = this.#node(Number(id)).rawNode.propose(Buffer.from(word ?? ""));
    if (outcome.kind === "dropped") this.#printError("raft proposal dropped");
  }

  #proposeConfChange(directive: Directive): void {
    const transitions: Record<string, ConfChangeTransition> = {
      auto: "auto",
      implicit: "jointImplicit",
      explicit: "jointExplicit",
    };
    const transition = transitions[argumentValue(directive, "transition", "auto")] ?? "auto";
    const isOldForm = argumentValue(directive, "v1", "false") === "true";
    const outcome = this.#only(directive).rawNode.proposeConfChange(
      { transition, changes: parseConfChangeSteps(directive.input), context: NO_DATA },
      isOldForm ? "confChange" : "confChangeV2",
    );
    if (outcome.kind === "dropped") this.#printError("raft proposal dropped");
  }

  #processReadies(ids: readonly number[]): void {
    for (const id of ids) {
      if (ids.length === 1) {
        this.#processReady(this.#node(id));
        continue;
      }
      this.#print(`> ${id} handling Ready`);
      this.#indented(() => this.#processReady(this.#node(id)));
    }
  }

  #processReady(node: InteractionNode): void {
    const ready = node.rawNode.ready();
    this.#print(describeReady(ready));
    if (!node.setup.asyncStorageWrites) node.process(ready);
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) node.appendWork.push(message);
      else if (message.to === APPLY_THREAD) node.applyWork.push(message);
      else this.#inFlight.push(message);
    }
    if (!node.setup.asyncStorageWrites) node.rawNode.advance();
  }

  #forEachNode(
    directive: Directive,
    heading: string,
    action: (node: InteractionNode) => void,
  ): void {
    const nodes = this.#selected(directive);
    for (const node of nodes) {
      if (nodes.length === 1) {
        action(node);
        continue;
      }
      this.#print(`> ${node.rawNode.id} ${heading}`);
      this.#indented(() => action(node));
    }
  }

  #processAppend(node: InteractionNode): void {
    const message = node.appendWork.shift();
    if (message === undefined) return this.#print("no append work to perform");
    this.#printWork(message);
    node.processAppend(message);
    this.#inFlight.push(...message.responses);
  }

  #processApply(node: InteractionNode): void {
    const message = node.applyWork.shift();
    if (message === undefined) return this.#print("no apply work to perform");
    this.#printWork(message);
    node.apply(message.entries);
    this.#inFlight.push(...message.responses);
  }

  #printWork(message: Message): void {
    this.#print("Processing:");
    this.#print(describeMessage({ ...message, responses: [] }));
    this.#print("Responses:");
    for (const response of message.responses) this.#print(describeMessage(response));
  }

  #deliverMessages(directive: Directive): void {
    const type = argumentValues(directive, "type")?.[0];
    const dropped = (argumentValues(directive, "drop") ?? []).map(Number);
    const recipients = positionalIds(directive).map((id) => ({ id, drop: false }));
    recipients.push(...dropped.map((id) => ({ id, drop: true })));
    let count = 0;
    for (const { id, drop } of recipients) count += this.#deliver(id, drop, type);
    if (count === 0) this.#print("no messages");
  }

  /** Delivers what is on its way to `id`, and answers how many messages that were. */
  #deliver(id: number, drop: boolean, type: string | undefined): number {
    const chosen = (message: Message): boolean =>
      message.to === id && (type === undefined || message.type === type);
    const messages = this.#inFlight.filter(chosen);
    this.#inFlight = this.#inFlight.filter((message) => !chosen(message));
    for (const message of messages) {
      if (drop && message.from > 0 && message.from !== id) {
        this.#print(`dropped: ${describeMessage(message)}`);
        continue;
      }
      this.#print(describeMessage(message));
      this.#stepInto(this.#node(id), message);
    }
    return messages.length;
  }

  #stepInto(node: InteractionNode, message: Message): void {
    const outcome = node.rawNode.step(message);
    if (outcome === "proposalDropped") this.#printError("raft proposal dropped");
    if (outcome === "peerNotFound") this.#printError("raft: cannot step as peer not found");
    if (outcome === "localMessage") this.#printError("raft: cannot step raft local message");
  }

  #stabilize(directive: Directive): void {
    const before = this.#level;
    const level = argumentValue(directive, "log-level", "");
    if (level !== "") this.#setLevel(level);
    const nodes = this.#selected(directive);
    for (let round = 0; this.#stabilizeOnce(nodes); round++) {
      if (round > ROUNDS_MAX) throw new Error(`line ${directive.line}: no end of messages`);
    }
    this.#level = before;
  }

  #stabilizeOnce(nodes: readonly InteractionNode[]): boolean {
    let isDone = true;
    for (const node of nodes) {
      if (!node.rawNode.hasReady()) continue;
      isDone = false;
      this.#print(`> ${node.rawNode.id} handling Ready`);
      this.#indented(() => this.#processReady(node));
    }
    for (const node of nodes) {
      const id = node.rawNode.id;
      if (!this.#inFlight.some((message) => message.to === id)) continue;
      isDone = false;
      this.#print(`> ${id} receiving messages`);
      this.#indented(() => void this.#deliver(id, false, undefined));
    }
    for (const node of nodes) {
      if (node.appendWork.length === 0) continue;
      isDone = false;
      this.#print(`> ${node.rawNode.id} processing append thread`);
      this.#indented(() => {
        while (node.appendWork.length > 0) this.#processAppend(node);
      });
    }
    for (const node of nodes) {
      if (node.applyWork.length === 0) continue;
      isDone = false;
      this.#print(`> ${node.rawNode.id} processing apply thread`);
      this.#indented(() => {
        while (node.applyWork.length > 0) this.#processApply(node);
      });
    }
    return !isDone;
  }

  #tickElection(node: InteractionNode): void {
    const electionTicks = 3;
    for (let ticked = 0; ticked < electionTicks; ticked++) node.rawNode.tick();
  }

  #compact(directive: Directive): void {
    const [id, newFirstIndex] = positionalIds(directive);
    const node = this.#node(id ?? 0);
    node.storage.compact(newFirstIndex ?? 0);
    this.#printLog(node);
  }

  #printLog(node: InteractionNode): void {
    const { storage } = node;
    const [firstIndex, lastIndex] = [storage.firstIndex(), storage.lastIndex()];
    if (firstIndex > lastIndex) {
      this.#print(`log is empty: first index=${firstIndex}, last index=${lastIndex}`);
      return;
    }
    const entries = storage.entries(firstIndex, lastIndex + 1, Infinity);
    if (typeof entries === "string") throw new Error(`the log answers ${entries}`);
    for (const entry of entries) this.#print(describeEntry(entry));
  }

  #printStates(): void {
    for (const { rawNode } of this.#nodes) {
      const isVoter =
        rawNode.confState.voters.includes(rawNode.id) ||
        rawNode.confState.votersOutgoing.includes(rawNode.id);
      const role = `${describeRole(rawNode.role)} (${isVoter ? "Voter" : "Non-Voter"})`;
      this.#print(`${rawNode.id}: ${role} Term:${rawNode.term} Lead:${rawNode.leaderId}`);
    }
  }

  #printStatus(node: InteractionNode): void {
    for (const peer of node.rawNode.status().progress) this.#print(describeProgress(peer));
  }

  #sendSnapshot(directive: Directive): void {
    const [from, to] = positionalIds(directive);
    const node = this.#node(from ?? 0);
    const snapshot = node.storage.snapshot();
    if (snapshot === "unavailable") throw new Error("there is no snapshot to send");
    const message = createMessage("MsgSnap", to ?? 0);
    message.from = from ?? 0;
    message.term = node.rawNode.term;
    message.snapshot = snapshot;
    this.#inFlight.push(message);
    this.#print(describeMessage(message));
  }
}
