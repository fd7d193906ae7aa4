import { createRequire } from "node:module";

import type descriptorExtension from "protobufjs/ext/descriptor.js";
import { expect, test } from "vitest";

import { FileDescriptors } from "./file-descriptors.ts";

const descriptor = createRequire(import.meta.url)(
  "protobufjs/ext/descriptor.js",
) as typeof descriptorExtension;
const descriptors = new FileDescriptors();

test("FileDescriptors.serviceNames lists the services of the schema", () => {
  expect(descriptors.serviceNames).toEqual(descriptors.serviceNames.toSorted());
  expect(descriptors.serviceNames).toEqual(
    expect.arrayContaining([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "ropewalk.v1.FetchService",
      "ropewalk.v1.ProduceService",
      "ropewalk.v1.TopicService",
    ]),
  );
});

test.each([
  "ropewalk.v1.ProduceService",
  "ropewalk.v1.ProduceService.ProduceStream",
  "ropewalk.v1.ProduceRequest",
  "ropewalk.v1.Acks",
])("FileDescriptors.fileContaining() finds %s", (symbol) => {
  expect(descriptors.fileContaining(symbol)?.name).toBe("ropewalk/v1/produce_service.proto");
});

test("FileDescriptors.fileContaining() finds nested symbols, and none that do not exist", () => {
  const file = descriptors.file("ropewalk/v1/fetch_service.proto");
  expect(descriptors.fileContaining("ropewalk.v1.StartPosition.Edge")).toBe(file);
  expect(descriptors.fileContaining("ropewalk.v1.Nothing")).toBeUndefined();
  expect(descriptors.file("nothing.proto")).toBeUndefined();
});

test("FileDescriptors.withDependencies() answers each needed file once", () => {
  const file = descriptors.file("google/rpc/status.proto");
  if (file === undefined) throw new Error("no such file");
  const names = descriptors.withDependencies(file).map((each) => each.name);
  expect(names).toEqual(["google/rpc/status.proto", "google/protobuf/any.proto"]);
});

test("FileDescriptor.bytes is what descriptor.proto describes", () => {
  const file = descriptors.fileContaining("ropewalk.v1.FetchService");
  if (file === undefined) throw new Error("no such file");
  const decoded = descriptor.FileDescriptorProto.decode(file.bytes).toJSON();
  expect(decoded).toMatchObject({
    name: file.name,
    package: "ropewalk.v1",
    dependency: file.dependencies,
  });
});
