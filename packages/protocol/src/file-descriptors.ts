import { Reader } from "protobufjs/minimal.js";

import { descriptorSetBase64 } from "./generated/descriptor-set.ts";

/** One `.proto` file in the form that gRPC reflection hands out. */
export interface FileDescriptor {
  /** Its path below the schema's root, for example `ropewalk/v1/error.proto`. */
  readonly name: string;
  /** The names of the files that it imports. */
  readonly dependencies: readonly string[];
  /** A serialized `google.protobuf.FileDescriptorProto`; read-only. */
  readonly bytes: Uint8Array;
}

/** The field numbers of descriptor.proto that are read here. */
const fields = {
  set: { file: 1 },
  file: { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6 },
  message: { name: 1, nested: 3, enum: 4 },
  service: { name: 1, method: 2 },
} as const;

/** What gRPC reflection needs to know of the schema that this package was generated from. */
export class FileDescriptors {
  /** The full names of all services, sorted. */
  readonly serviceNames: readonly string[];
  readonly #files = new Map<string, FileDescriptor>();
  readonly #fileOfSymbol = new Map<string, FileDescriptor>();

  /** Reads the descriptors that come with the package; a few milliseconds, so keep the result. */
  constructor() {
    const services: string[] = [];
    for (const bytes of DescriptorFields.of(Buffer.from(descriptorSetBase64, "base64")).all(
      fields.set.file,
    )) {
      services.push(...this.#add(bytes));
    }
    this.serviceNames = services.toSorted();
  }

  /** The file of this name. */
  file(name: string): FileDescriptor | undefined {
    return this.#files.get(name);
  }

  /** The file that declares this full name of a message, enum, service or method. */
  fileContaining(symbol: string): FileDescriptor | undefined {
    return this.#fileOfSymbol.get(symbol);
  }

  /** A file and all that it needs, itself first and each once. */
  withDependencies(file: FileDescriptor): readonly FileDescriptor[] {
    const found = new Set([file]);
    for (const each of found) {
      for (const name of each.dependencies) {
        const dependency = this.#files.get(name);
        if (dependency !== undefined) found.add(dependency); // A set is iterated over what is added meanwhile.
      }
    }
    return [...found];
  }

  /** Takes in one file and answers the full names of its services. */
  #add(bytes: Uint8Array): string[] {
    const content = DescriptorFields.of(bytes);
    const name = content.text(fields.file.name);
    const dependencies = content.all(fields.file.dependency).map(decodeText);
    const file: FileDescriptor = { name, dependencies, bytes };
    this.#files.set(name, file);
    const scope = content.text(fields.file.package);
    for (const each of content.all(fields.file.message)) this.#addMessage(file, scope, each);
    for (const each of content.all(fields.file.enum)) this.#addSymbol(file, scope, each);
    return content.all(fields.file.service).map((each) => this.#addService(file, scope, each));
  }

  #addMessage(file: FileDescriptor, scope: string, bytes: Uint8Array): void {
    const fullName = this.#addSymbol(file, scope, bytes);
    const content = DescriptorFields.of(bytes);
    for (const each of content.all(fields.message.nested)) this.#addMessage(file, fullName, each);
    for (const each of content.all(fields.message.enum)) this.#addSymbol(file, fullName, each);
  }

  #addService(file: FileDescriptor, scope: string, bytes: Uint8Array): string {
    const fullName = this.#addSymbol(file, scope, bytes);
    for (const each of DescriptorFields.of(bytes).all(fields.service.method)) {
      this.#addSymbol(file, fullName, each);
    }
    return fullName;
  }

  // The name is field 1 of messages, enums, services and methods alike.
  #addSymbol(file: FileDescriptor, scope: string, bytes: Uint8Array): string {
    const name = DescriptorFields.of(bytes).text(fields.message.name);
    const fullName = scope === "" ? name : `${scope}.${name}`;
    this.#fileOfSymbol.set(fullName, file);
    return fullName;
  }
}

/** The delimited fields of one descriptor; the others do not matter here. */
class DescriptorFields {
  readonly #values: ReadonlyMap<number, readonly Uint8Array[]>;

  private constructor(values: ReadonlyMap<number, readonly Uint8Array[]>) {
    this.#values = values;
  }

  static of(bytes: Uint8Array): DescriptorFields {
    const reader = Reader.create(bytes);
    const values = new Map<number, Uint8Array[]>();
    while (reader.pos < reader.len) {
      const tag = reader.tag();
      if ((tag & 7) !== 2) {
        reader.skipType(tag & 7, 0, tag >>> 3);
        continue;
      }
      const list = values.get(tag >>> 3) ?? [];
      list.push(reader.bytes());
      values.set(tag >>> 3, list);
    }
    return new DescriptorFields(values);
  }

  all(number: number): readonly Uint8Array[] {
    return this.#values.get(number) ?? [];
  }

  text(number: number): string {
    const [first] = this.all(number);
    return first === undefined ? "" : decodeText(first);
  }
}

function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}
