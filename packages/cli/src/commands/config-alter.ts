import type { ConfigResource } from "@ropewalk/client";

import { changeByAdmin } from "../cluster-client.ts";
import { type AlterationFlags, alterationsOf } from "../config-alterations.ts";
import { formatConfigs } from "../config-table.ts";
import type { GlobalOptions } from "../global-options.ts";
import { printJson, printResult } from "../terminal.ts";

/** Alters configs of a resource as the flags say, or has that checked, and prints what they are then. */
export async function alterConfigs(
  globals: GlobalOptions,
  resource: ConfigResource,
  flags: AlterationFlags,
): Promise<void> {
  const alterations = alterationsOf(flags);
  const { dryRun = false } = flags;
  const subject = resourceName(resource);
  const topic = resource.kind === "topic" ? { topic: resource.name } : {};
  const configs = await changeByAdmin(
    globals,
    { action: `alter configs of ${subject}`, ...topic },
    (admin) => admin.alterConfigs(resource, alterations, { validateOnly: dryRun }),
  );
  if (globals.format === "json") return printJson({ resource: subject, dryRun, configs });
  const done = dryRun ? "would alter configs of" : "altered configs of";
  await printResult(`${done} ${subject}\n\n${formatConfigs(configs)}`);
}

/** A resource as people say it: "topic orders". */
export function resourceName(resource: ConfigResource): string {
  switch (resource.kind) {
    case "topic":
      return `topic ${resource.name}`;
    case "broker":
      return `broker ${resource.brokerId}`;
    case "cluster":
      return "the cluster";
  }
}
