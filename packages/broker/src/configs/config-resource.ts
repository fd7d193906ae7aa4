import { type ConfigResourceType, RopewalkError } from "@ropewalk/protocol";

/** What has configs. */
export type ConfigResource =
  | { readonly kind: "topic"; readonly name: string }
  | { readonly kind: "broker"; readonly brokerId: number }
  | { readonly kind: "cluster" };

/** A resource as `ropewalk.v1` names it. */
export interface ConfigResourceName {
  readonly resourceType: ConfigResourceType;
  readonly resourceName: string;
}

/** A resource as messages say it: "topic orders". */
export function resourceText(resource: ConfigResource): string {
  switch (resource.kind) {
    case "topic":
      return `topic ${JSON.stringify(resource.name)}`;
    case "broker":
      return `broker ${resource.brokerId}`;
    case "cluster":
      return "the cluster";
  }
}

/** A resource to its name. */
export function toResourceName(resource: ConfigResource): ConfigResourceName {
  switch (resource.kind) {
    case "topic":
      return { resourceType: "TOPIC", resourceName: resource.name };
    case "broker":
      return { resourceType: "BROKER", resourceName: String(resource.brokerId) };
    case "cluster":
      return { resourceType: "CLUSTER", resourceName: "" };
  }
}

/** A resource from its name. Throws INVALID_REQUEST where no resource is called so. */
export function toResource({ resourceName, resourceType }: ConfigResourceName): ConfigResource {
  switch (resourceType) {
    case "TOPIC":
      return { kind: "topic", name: resourceName };
    case "BROKER":
      if (/^\d{1,10}$/.test(resourceName) && Number(resourceName) > 0) {
        return { kind: "broker", brokerId: Number(resourceName) };
      }
      throw unnamed(`a broker is named by its id, not ${JSON.stringify(resourceName)}`);
    case "CLUSTER":
      if (resourceName === "") return { kind: "cluster" };
      throw unnamed(`the cluster has no name, not ${JSON.stringify(resourceName)} either`);
    case "UNSPECIFIED":
      throw unnamed("the request does not say whether of a topic, a broker or the cluster");
  }
}

function unnamed(reason: string): RopewalkError {
  return new RopewalkError("INVALID_REQUEST", `Cannot find configs: ${reason}`);
}
