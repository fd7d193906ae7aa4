/** `kubectl kustomize`, which needs no cluster. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The folder `deploy/` of this checkout. */
export const DEPLOY_DIRECTORY: string = fileURLToPath(new URL("../../deploy", import.meta.url));

/** Why manifests cannot be rendered on this machine; `undefined` when they can. */
export function kubectlMissing(): string | undefined {
  const version = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" });
  return version.status === 0 ? undefined : "kubectl is not installed";
}

/** Renders the kustomization in a directory to YAML. */
export function renderKustomization(directory: string): string {
  const render = spawnSync("kubectl", ["kustomize", directory], { encoding: "utf8" });
  if (render.status !== 0) {
    throw new Error(`kubectl cannot render ${directory}: ${render.stderr}`);
  }
  return render.stdout;
}
