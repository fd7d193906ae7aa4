import assert from "node:assert/strict";

import type { Address } from "@ropewalk/runtime";

import { formatAddress, isLoopbackHost, isWildcardHost, parseAddress } from "./address.ts";
import type { Parsed } from "./parsed.ts";
import { BROKER_ID_MAX, parsePeerList, type Peer } from "./peer-list.ts";
import { expandPlaceholders, hostnameOrdinal } from "./placeholder.ts";
import { parseSettingsFile } from "./settings-file.ts";

/** The settings of `ropewalk broker`. Flag, key in the file and environment variable have the same name. */
export const BROKER_SETTING_NAMES = [
  "id",
  "data-dir",
  "listen",
  "advertise",
  "peer-listen",
  "peer-advertise",
  "http-listen",
  "peers",
  "initial-cluster-state",
  "rack",
  "log-level",
] as const;

/** The name of one setting. */
export type BrokerSettingName = (typeof BROKER_SETTING_NAMES)[number];

/** How much a broker logs. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Everything `ropewalk broker` was told, checked and complete. */
export interface BrokerSettings {
  readonly brokerId: number;
  readonly dataDirectory: string;
  readonly client: { readonly listen: Address; readonly advertise: Address };
  readonly peer: { readonly listen: Address; readonly advertise: Address };
  readonly http: { readonly listen: Address };
  /** Brokers that form the cluster, this one included; or, without it, some of the cluster that it is to join. */
  readonly bootstrap: readonly Peer[];
  /** Whether it may form a cluster with them. */
  readonly mayForm: boolean;
  readonly rack: string;
  readonly logLevel: LogLevel;
}

/** Where settings come from, the strongest first. */
export interface SettingSources {
  readonly flags: Readonly<Partial<Record<BrokerSettingName, string>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: { readonly path: string; readonly content: string } | undefined;
  readonly hostname: string;
}

/** The settings, or every reason why there are none, each with where it came from. */
export type SettingsOutcome =
  | { readonly settings: BrokerSettings; readonly problems?: undefined }
  | { readonly settings?: undefined; readonly problems: readonly string[] };

const DEFAULTS: Readonly<Partial<Record<BrokerSettingName, string>>> = {
  "data-dir": "./ropewalk-data",
  listen: "127.0.0.1:7700",
  "peer-listen": "127.0.0.1:7710",
  "http-listen": "127.0.0.1:7720",
  "initial-cluster-state": "new",
  rack: "",
  "log-level": "info",
};

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** The environment variable of a setting: `ROPEWALK_DATA_DIR` for `data-dir`. */
function environmentName(name: string): string {
  return `ROPEWALK_${name.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Puts a broker's settings together: flag over environment over file over default. An environment
 * variable that is empty counts as not set. All problems are found before any is reported.
 */
export function resolveBrokerSettings(sources: SettingSources): SettingsOutcome {
  const resolver = new SettingsResolver(sources);
  const settings = resolver.resolve();
  return settings === undefined ? { problems: resolver.problems } : { settings };
}

interface FoundSetting {
  readonly text: string;
  readonly source: string;
}

class SettingsResolver {
  readonly problems: string[] = [];
  readonly #sources: SettingSources;
  readonly #found: ReadonlyMap<BrokerSettingName, FoundSetting>;

  constructor(sources: SettingSources) {
    this.#sources = sources;
    this.#found = this.#findAll();
  }

  resolve(): BrokerSettings | undefined {
    const peers = this.#read("peers", parsePeerList);
    const brokerId = this.#brokerId();
    // Without an id nothing can be expanded; the rest is checked all the same, with any id.
    const identity = { brokerId: brokerId ?? 1, hostname: this.#sources.hostname };
    const expanded = <Value>(
      name: BrokerSettingName,
      parse: (text: string) => Parsed<Value>,
    ): Value | undefined =>
      this.#read(name, (text) => {
        const expansion = expandPlaceholders(text, identity);
        return expansion.fault === undefined ? parse(expansion.value) : expansion;
      });
    const dataDirectory = expanded("data-dir", parsePath);
    const rack = expanded("rack", parseText);
    const mayForm = this.#read("initial-cluster-state", parseClusterState);
    const logLevel = this.#read("log-level", parseLogLevel);
    const http = expanded("http-listen", parseAddress);
    const client = this.#endpoint("listen", "advertise", expanded, undefined);
    const peer = this.#endpoint(
      "peer-listen",
      "peer-advertise",
      expanded,
      peers?.find((one) => one.brokerId === brokerId)?.address,
    );
    if (this.problems.length > 0) return undefined;
    assert(brokerId !== undefined && dataDirectory !== undefined && http !== undefined);
    assert(client !== undefined && peer !== undefined && logLevel !== undefined);
    return {
      brokerId,
      dataDirectory,
      client,
      peer,
      http: { listen: http },
      bootstrap: peers ?? [{ brokerId, address: peer.advertise }],
      mayForm: mayForm ?? true,
      rack: rack ?? "",
      logLevel,
    };
  }

  #findAll(): Map<BrokerSettingName, FoundSetting> {
    const { flags, environment, file } = this.#sources;
    const inFile =
      file === undefined ? undefined : parseSettingsFile(file.content, BROKER_SETTING_NAMES);
    for (const { line, fault } of inFile?.faults ?? [])
      this.problems.push(`${file?.path}:${line}: ${fault}`);
    const found = new Map<BrokerSettingName, FoundSetting>();
    for (const name of BROKER_SETTING_NAMES) {
      const variable = environmentName(name);
      const fileSetting = inFile?.settings.get(name);
      const layers: [string | undefined, string][] = [
        [flags[name], `--${name}`],
        [environment[variable] === "" ? undefined : environment[variable], variable],
        [fileSetting?.text, `${file?.path}:${fileSetting?.line}: ${name}`],
        [DEFAULTS[name], `${name} (default)`],
      ];
      const strongest = layers.find(([text]) => text !== undefined);
      if (strongest?.[0] !== undefined)
        found.set(name, { text: strongest[0], source: strongest[1] });
    }
    return found;
  }

  #read<Value>(name: BrokerSettingName, parse: (text: string) => Parsed<Value>): Value | undefined {
    const found = this.#found.get(name);
    if (found === undefined) return undefined;
    const parsed = parse(found.text);
    if (parsed.fault !== undefined) this.problems.push(`${found.source}: ${parsed.fault}`);
    return parsed.value;
  }

  #brokerId(): number | undefined {
    if (!this.#found.has("id")) {
      if (!this.#found.has("peers")) return 1; // A cluster of one.
      this.problems.push("--id: it is not set, but peers are; say which of them this broker is");
      return undefined;
    }
    return this.#read("id", (text) => parseBrokerId(text, this.#sources.hostname));
  }

  #endpoint(
    listenName: "listen" | "peer-listen",
    advertiseName: "advertise" | "peer-advertise",
    expanded: (
      name: BrokerSettingName,
      parse: (text: string) => Parsed<Address>,
    ) => Address | undefined,
    advertiseDefault: Address | undefined,
  ): { listen: Address; advertise: Address } | undefined {
    const isDefault = this.#found.get(listenName)?.source === `${listenName} (default)`;
    // Who is named as reachable at a port of this machine listens there, unless it is told otherwise.
    const named =
      isDefault && advertiseDefault !== undefined && isLoopbackHost(advertiseDefault.host);
    const listen = named ? advertiseDefault : expanded(listenName, parseAddress);
    const advertiseSet = expanded(advertiseName, parseAddress);
    if (listen === undefined) return undefined;
    const host = isWildcardHost(listen.host) ? this.#sources.hostname : listen.host;
    const advertise = advertiseSet ?? advertiseDefault ?? { host, port: listen.port };
    if (isWildcardHost(advertise.host)) {
      this.problems.push(
        `${this.#found.get(advertiseName)?.source}: nobody can connect to ${formatAddress(advertise)}`,
      );
    }
    if (isLoopbackHost(listen.host) && !isLoopbackHost(advertise.host)) {
      this.problems.push(
        `${this.#found.get(listenName)?.source}: ${formatAddress(listen)} cannot be reached as ` +
          `${formatAddress(advertise)}; listen on 0.0.0.0:${listen.port}`,
      );
    }
    return { listen, advertise };
  }
}

function parseBrokerId(text: string, hostname: string): Parsed<number> {
  if (text === "auto") {
    const ordinal = hostnameOrdinal(hostname);
    if (ordinal !== undefined) return { value: ordinal + 1 };
    return {
      fault: `auto needs a host name that ends in a number, as in ropewalk-0; it is ${hostname}`,
    };
  }
  const id = /^\d+$/.test(text) ? Number(text) : 0;
  if (id >= 1 && id <= BROKER_ID_MAX) return { value: id };
  return { fault: `"${text}" is not an id; ids are 1–${BROKER_ID_MAX}, or auto` };
}

function parsePath(text: string): Parsed<string> {
  return text === "" ? { fault: "it must not be empty" } : { value: text };
}

function parseText(text: string): Parsed<string> {
  return { value: text };
}

/** etcd's words. */
function parseClusterState(text: string): Parsed<boolean> {
  if (text === "new" || text === "existing") return { value: text === "new" };
  return { fault: `"${text}" is neither new nor existing` };
}

function parseLogLevel(text: string): Parsed<LogLevel> {
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return { value: level };
  return { fault: `"${text}" is not one of ${LOG_LEVELS.join(", ")}` };
}
