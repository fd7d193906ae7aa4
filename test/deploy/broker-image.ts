import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { ContainerEngine } from "./container-engine.ts";
import { DEPLOY_DIRECTORY } from "./kubectl.ts";
import { makeBaseImages, npmCache } from "./local-base-images.ts";

const CHECKOUT: string = fileURLToPath(new URL("../..", import.meta.url));

/** Builds deploy/docker/Dockerfile from this checkout, on bases made here. */
export async function buildBrokerImage(
  engine: ContainerEngine,
  directory: string,
  tag: string,
): Promise<void> {
  const bases = await makeBaseImages(engine, directory);
  const dockerDirectory = join(DEPLOY_DIRECTORY, "docker");
  const options = [
    ["--layers=false", "--pull=never", "--network=host", `--volume=${npmCache()}:/npm-cache`],
    ["--build-arg", `BUILD=${bases.build}`, "--build-arg", `RUNTIME=${bases.runtime}`],
    ["--ignorefile", join(dockerDirectory, "Dockerfile.dockerignore")],
    ["--file", join(dockerDirectory, "Dockerfile"), "--tag", tag],
  ];
  await engine.podman(["build", ...options.flat(), CHECKOUT]);
}
