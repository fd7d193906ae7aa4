import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeUnless } from "./describe-unless.ts";
import { DEPLOY_DIRECTORY, kubectlMissing, renderKustomization } from "./kubectl.ts";
import table from "./kubernetes-shapes.json" with { type: "json" };
import type { Container, Labels, Manifest, PodSpec, StatefulSet } from "./manifest.ts";
import { brokerContainer, parseManifests, pick } from "./manifest.ts";
import { restrictedFaults } from "./pod-security.ts";
import { shapeFaults } from "./shape-check.ts";

const missing = kubectlMissing();

describeUnless(missing).each(["base", "overlays/dev"])("deploy/%s", (directory) => {
  const manifests =
    missing === undefined
      ? parseManifests(renderKustomization(join(DEPLOY_DIRECTORY, directory)))
      : [];
  const set = (): StatefulSet => pick(manifests, "StatefulSet");
  const pod = (): PodSpec => set().spec.template.spec;
  const broker = (): Container => brokerContainer(set());
  const podLabels = (): Labels => set().spec.template.metadata.labels;

  test("every field is known to Kubernetes and of its type", () => {
    expect(manifests.flatMap((manifest) => shapeFaults(table, manifest))).toEqual([]);
  });

  test("a field planted in any object would be refused", () => {
    const planted = manifests.flatMap(plantings);
    expect(planted.length).toBeGreaterThan(manifests.length);
    for (const { path, object } of planted) {
      expect(shapeFaults(table, object), `planted at ${path}`).not.toEqual([]);
    }
  });

  test("the pod passes the Pod Security Standard restricted", () => {
    expect(restrictedFaults(pod())).toEqual([]);
    expect(broker().securityContext?.readOnlyRootFilesystem).toBe(true);
    expect(pod().securityContext).toMatchObject({
      runAsUser: 65532,
      fsGroup: 65532,
      fsGroupChangePolicy: "OnRootMismatch",
    });
  });

  test("no credential of the Kubernetes API reaches the pod", () => {
    const account = pick(manifests, "ServiceAccount");
    expect(account.automountServiceAccountToken).toBe(false);
    expect(pod()).toMatchObject({
      serviceAccountName: account.metadata.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    });
  });

  test("brokers start together, keep their volumes and get a stable name each", () => {
    expect(set().spec).toMatchObject({
      podManagementPolicy: "Parallel",
      updateStrategy: { type: "RollingUpdate" },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    });
    const headless = pick(manifests, "Service", set().spec.serviceName);
    expect(headless.spec).toMatchObject({ clusterIP: "None", publishNotReadyAddresses: true });
  });

  test("every selector matches the brokers' labels", () => {
    const selectors = [
      set().spec.selector.matchLabels,
      pick(manifests, "Service", "ropewalk").spec.selector,
      pick(manifests, "Service", "ropewalk-headless").spec.selector,
      pick(manifests, "PodDisruptionBudget").spec.selector.matchLabels,
      pick(manifests, "NetworkPolicy").spec.podSelector.matchLabels,
    ];
    for (const selector of selectors) {
      expect(Object.keys(selector)).not.toHaveLength(0);
      expect(podLabels()).toMatchObject(selector);
    }
  });

  test("every port that is named elsewhere is a port of the container", () => {
    const ports = new Map(broker().ports?.map((port) => [port.name, port.containerPort]));
    for (const name of ["ropewalk", "ropewalk-headless"]) {
      for (const port of pick(manifests, "Service", name).spec.ports) {
        expect(ports.get(String(port.targetPort)), `${name} ${port.name}`).toBe(port.port);
      }
    }
    for (const rule of pick(manifests, "NetworkPolicy").spec.ingress) {
      for (const { port } of rule.ports) expect([...ports.keys()]).toContain(port);
    }
  });

  test("a node drain takes one broker at a time", () => {
    expect(pick(manifests, "PodDisruptionBudget").spec.maxUnavailable).toBe(1);
  });

  test("only brokers reach the peer port", () => {
    const rules = pick(manifests, "NetworkPolicy").spec.ingress;
    const peerRules = rules.filter((rule) => rule.ports.some(({ port }) => port === "peer"));
    expect(peerRules).toEqual([
      {
        ports: [{ port: "peer" }],
        from: [{ podSelector: pick(manifests, "NetworkPolicy").spec.podSelector }],
      },
    ]);
  });

  test("the kubelet asks over HTTP, and a long recovery is not a dead broker", () => {
    const { startupProbe, livenessProbe, readinessProbe, lifecycle } = broker();
    expect(startupProbe?.httpGet).toEqual({ path: "/healthz", port: "http" });
    expect(livenessProbe?.httpGet).toEqual({ path: "/healthz", port: "http" });
    expect(readinessProbe?.httpGet).toEqual({ path: "/readyz", port: "http" });
    const startS = (startupProbe?.periodSeconds ?? 0) * (startupProbe?.failureThreshold ?? 0);
    expect(startS).toBeGreaterThanOrEqual(3600);
    expect(lifecycle, "a preStop hook would share the time for SIGTERM").toBeUndefined();
    expect(pod().terminationGracePeriodSeconds).toBeGreaterThanOrEqual(120);
  });

  test("memory is requested in full, the processor is not limited, the heap takes a stated part", () => {
    const { requests, limits } = broker().resources ?? {};
    expect(limits).toEqual({ memory: requests?.["memory"] });
    expect(requests?.["cpu"]).toBeDefined();
    expect(settings(manifests, set())["NODE_OPTIONS"]).toMatch(
      /--max-old-space-size-percentage=\d+/,
    );
  });

  test("the image is named by a version, the one of this checkout", () => {
    const { version } = JSON.parse(
      readFileSync(join(DEPLOY_DIRECTORY, "../package.json"), "utf8"),
    ) as { version: string };
    expect(broker().image).toBe(`ropewalk:${version}`);
  });

  test("every volume that is mounted exists, and the data directory is a claim", () => {
    const claims = set().spec.volumeClaimTemplates.map((claim) => claim.metadata.name);
    const volumes = [...claims, ...(pod().volumes ?? []).map((volume) => volume.name)];
    const mounts = new Map(broker().volumeMounts?.map((mount) => [mount.mountPath, mount.name]));
    expect([...mounts.values()].toSorted()).toEqual(volumes.toSorted());
    expect(claims).toContain(mounts.get(settings(manifests, set())["ROPEWALK_DATA_DIR"] ?? ""));
  });

  test("the settings name the ports of the container and the pods of the set", () => {
    const config = settings(manifests, set());
    const ports = new Map(broker().ports?.map((port) => [port.name, String(port.containerPort)]));
    expect(portOf(config["ROPEWALK_LISTEN"])).toBe(ports.get("client"));
    expect(portOf(config["ROPEWALK_PEER_LISTEN"])).toBe(ports.get("peer"));
    expect(portOf(config["ROPEWALK_HTTP_LISTEN"])).toBe(ports.get("http"));
    expect(portOf(config["ROPEWALK_ADVERTISE"])).toBe(ports.get("client"));
    const { name } = set().metadata;
    const { serviceName, replicas } = set().spec;
    const peers = Array.from({ length: replicas }, (_, ordinal) => {
      const host = `${name}-${String(ordinal)}.${serviceName}`;
      return `${String(ordinal + 1)}=${host}:${String(ports.get("peer"))}`;
    });
    expect(config["ROPEWALK_PEERS"]).toBe(peers.join(","));
    expect(config["ROPEWALK_PEER_ADVERTISE"]).toBe(
      `{hostname}.${serviceName}:${String(ports.get("peer"))}`,
    );
  });
});

describeUnless(missing)("deploy/components/new-cluster", () => {
  const stateOf = (directory: string): string | undefined => {
    const manifests = parseManifests(renderKustomization(join(DEPLOY_DIRECTORY, directory)));
    return settings(manifests, pick(manifests, "StatefulSet"))["ROPEWALK_INITIAL_CLUSTER_STATE"];
  };

  test("only brokers that have the component may form a cluster", () => {
    expect(stateOf("base")).toBe("existing");
    expect(stateOf("overlays/dev")).toBe("new");
  });
});

/** What the configuration and the container set, before references are filled in. */
function settings(
  manifests: readonly Manifest[],
  set: StatefulSet,
): Readonly<Record<string, string>> {
  const container = brokerContainer(set);
  const merged: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    Object.assign(merged, pick(manifests, "ConfigMap", configMapRef?.name).data);
  }
  for (const { name, value } of container.env ?? []) merged[name] = value ?? "";
  return merged;
}

function portOf(address: string | undefined): string | undefined {
  return address?.slice(address.lastIndexOf(":") + 1);
}

/** Copies of a manifest, each with one unknown field in another of its objects. */
function plantings(
  manifest: Manifest,
): readonly { readonly path: string; readonly object: unknown }[] {
  return objectPaths(manifest, []).map((path) => {
    const object: unknown = structuredClone(manifest);
    let spot = object as Record<string, unknown>;
    for (const key of path) spot = spot[key] as Record<string, unknown>;
    spot["bogusField"] = true;
    return { path: [manifest.kind, ...path].join("."), object };
  });
}

/** Paths of all objects. A map of strings or quantities counts too: it refuses the boolean planted. */
function objectPaths(value: unknown, path: readonly string[]): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  const below = Object.entries(value).flatMap(([key, item]) => objectPaths(item, [...path, key]));
  return Array.isArray(value) ? below : [path, ...below];
}
