import { oneOf } from "./config-rule.ts";
import type { ConfigDefinition } from "./config-schema.ts";

const finalizationName = "features.auto.finalization";

/** The cluster's configs of what its versions can do together; Kafka has none. */
export const featureConfigs: readonly ConfigDefinition[] = [
  {
    name: finalizationName,
    support: "SUPPORTED",
    rule: oneOf("true", "false"),
    defaultValue: "true",
    documentation:
      "true: the feature level rises by itself once every broker knows a higher one; false: it waits for a word, and until then the version before can be gone back to",
    clusterName: finalizationName,
  },
];

/** Whether the feature level rises by itself. */
export function raisesFeatureLevel(configs: ReadonlyMap<string, string>): boolean {
  return configs.get(finalizationName) !== "false";
}
