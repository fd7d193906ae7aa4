import { status, type ServerDuplexStream, type UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type FileDescriptor,
  FileDescriptors,
  type ServerReflectionRequest,
  type ServerReflectionResponseInit,
} from "@ropewalk/protocol";

type Answer = NonNullable<ServerReflectionResponseInit["messageResponse"]>;

/** Services that a client can call; what brokers say to each other is not among them. */
export function reflectionHandlers(served: readonly string[]): UntypedServiceImplementation {
  let descriptors: FileDescriptors | undefined;
  return {
    serverReflectionInfo: (
      call: ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponseInit>,
    ) => {
      call.on("data", (request: ServerReflectionRequest) => {
        descriptors ??= new FileDescriptors(); // Read when somebody asks: few ever do.
        call.write({
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(descriptors, served, request),
        });
      });
      call.on("end", () => call.end());
      call.on("error", () => undefined); // The client went away.
    },
  };
}

function answer(
  descriptors: FileDescriptors,
  served: readonly string[],
  { messageRequest: asked }: ServerReflectionRequest,
): Answer {
  switch (asked?.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: served.map((name) => ({ name })) } };
    case "fileByFilename":
      return files(descriptors, descriptors.file(asked.value), asked.value);
    case "fileContainingSymbol":
      return files(descriptors, descriptors.fileContaining(asked.value), asked.value);
    case "allExtensionNumbersOfType":
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: asked.value, extensionNumber: [] },
      };
    case "fileContainingExtension":
    case undefined:
      return notFound("an extension; there are none");
  }
}

function files(
  descriptors: FileDescriptors,
  file: FileDescriptor | undefined,
  name: string,
): Answer {
  if (file === undefined || file.name.startsWith("ropewalk/internal/")) return notFound(name);
  const fileDescriptorProto = descriptors.withDependencies(file).map(({ bytes }) => bytes);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function notFound(what: string): Answer {
  return {
    case: "errorResponse",
    value: { errorCode: status.NOT_FOUND, errorMessage: `Cannot find ${what}` },
  };
}
