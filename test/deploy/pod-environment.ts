/** The environment that a kubelet gives a container. */
import assert from "node:assert/strict";
import type { Container, EnvVar, Manifest } from "./manifest.ts";
import { pick } from "./manifest.ts";

/** What a kubelet knows of a pod beyond its manifest. */
export interface PodFacts {
  readonly name: string;
  readonly namespace: string;
  readonly nodeName: string;
}

/** ConfigMaps first, then single variables in order; `$(NAME)` refers to what stands before. */
export function podEnvironment(
  container: Container,
  manifests: readonly Manifest[],
  facts: PodFacts,
): ReadonlyMap<string, string> {
  const environment = new Map<string, string>();
  for (const { configMapRef } of container.envFrom ?? []) {
    assert(configMapRef !== undefined, "only ConfigMaps are read whole");
    for (const [name, value] of Object.entries(
      pick(manifests, "ConfigMap", configMapRef.name).data,
    )) {
      environment.set(name, value);
    }
  }
  for (const variable of container.env ?? []) {
    environment.set(variable.name, valueOf(variable, environment, facts));
  }
  return environment;
}

function valueOf(
  variable: EnvVar,
  environment: ReadonlyMap<string, string>,
  facts: PodFacts,
): string {
  const path = variable.valueFrom?.fieldRef?.fieldPath;
  if (path === undefined) return expand(variable.value ?? "", environment);
  switch (path) {
    case "metadata.name":
      return facts.name;
    case "metadata.namespace":
      return facts.namespace;
    case "spec.nodeName":
      return facts.nodeName;
    default:
      throw new Error(`cannot fill in ${variable.name}: no value for ${path}`);
  }
}

/** Replaces `$(NAME)`; an unknown name stays as it is, and `$$(NAME)` stands for `$(NAME)`. */
function expand(value: string, environment: ReadonlyMap<string, string>): string {
  return value.replaceAll(
    /(\$?)\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g,
    (whole, escape: string, name: string) =>
      escape === "$" ? `$(${name})` : (environment.get(name) ?? whole),
  );
}
