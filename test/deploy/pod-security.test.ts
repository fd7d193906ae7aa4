import { expect, test } from "vitest";
import { restrictedFaults } from "./pod-security.ts";

test("restrictedFaults() refuses a container that sets nothing", () => {
  expect(restrictedFaults({ containers: [{ name: "c", image: "i:1" }] })).toEqual([
    "container c: may escalate its privileges",
    "container c: may run as root",
    "container c: has no seccomp profile",
    "container c: keeps capabilities",
  ]);
});

test("restrictedFaults() lets a container overrule its pod, also to the worse", () => {
  const pod = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "c",
        image: "i:1",
        securityContext: {
          allowPrivilegeEscalation: false,
          runAsUser: 0,
          capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] },
          seccompProfile: { type: "Unconfined" },
        },
      },
    ],
  };
  expect(restrictedFaults(pod)).toEqual([
    "container c: may run as root",
    "container c: has no seccomp profile",
    "container c: adds capabilities",
  ]);
});

test("restrictedFaults() refuses what reaches the host", () => {
  const ports = [{ name: "p", containerPort: 1, hostPort: 1 }];
  const pod = {
    hostNetwork: true,
    volumes: [{ name: "v", hostPath: { path: "/" } }],
    containers: [{ name: "c", image: "i:1", ports }],
  };
  expect(restrictedFaults(pod)).toEqual(
    expect.arrayContaining([
      "pod: shares a namespace of the host",
      "volume v: hostPath is not allowed",
      "container c: takes a port of the host",
    ]),
  );
});
