/** The Pod Security Standard `restricted`, for the fields a pod of ours can set. */
import type { Container, PodSpec } from "./manifest.ts";

const VOLUME_KINDS: ReadonlySet<string> = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

/** What a namespace that enforces `restricted` would refuse this pod for. */
export function restrictedFaults(pod: PodSpec): readonly string[] {
  const faults: string[] = [];
  if (pod.hostNetwork === true || pod.hostPID === true || pod.hostIPC === true) {
    faults.push("pod: shares a namespace of the host");
  }
  for (const { name, ...source } of pod.volumes ?? []) {
    const [kind] = Object.keys(source);
    if (kind === undefined || !VOLUME_KINDS.has(kind)) {
      faults.push(`volume ${name}: ${kind ?? "no source"} is not allowed`);
    }
  }
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    faults.push(
      ...containerFaults(pod, container).map((fault) => `container ${container.name}: ${fault}`),
    );
  }
  return faults;
}

function containerFaults(pod: PodSpec, container: Container): readonly string[] {
  const faults: string[] = [];
  const security = container.securityContext ?? {};
  const seccomp = security.seccompProfile ?? pod.securityContext?.seccompProfile;
  const nonRoot = security.runAsNonRoot ?? pod.securityContext?.runAsNonRoot;
  const user = security.runAsUser ?? pod.securityContext?.runAsUser;
  if (security.privileged === true) faults.push("is privileged");
  if (security.allowPrivilegeEscalation !== false) faults.push("may escalate its privileges");
  if (nonRoot !== true || user === 0) faults.push("may run as root");
  if (seccomp?.type !== "RuntimeDefault" && seccomp?.type !== "Localhost") {
    faults.push("has no seccomp profile");
  }
  if (security.capabilities?.drop?.includes("ALL") !== true) faults.push("keeps capabilities");
  const added = security.capabilities?.add ?? [];
  if (added.some((capability) => capability !== "NET_BIND_SERVICE")) {
    faults.push("adds capabilities");
  }
  if (container.ports?.some((port) => port.hostPort !== undefined) === true) {
    faults.push("takes a port of the host");
  }
  return faults;
}
