import type { Address } from "@ropewalk/runtime";

/** Brokers whose word is kept; there are no more in a cluster. */
const saidMax = 1000;

/**
 * Where the peers of other brokers are reached: as a broker registered, as this one was configured, and as the broker
 * itself says when it connects. Its word may be all there is: where it registered and became the controller while this one
 * was away, what is registered comes from it alone, and it sends nothing to a broker that does not answer.
 */
export class PeerAddresses {
  readonly #said = new Map<number, Address>();
  readonly #attempts = new Map<number, number>();

  /** A broker has connected, and says where it is reached. */
  said(brokerId: number, address: Address): void {
    this.#said.delete(brokerId);
    this.#said.set(brokerId, address);
    const [oldestId] = this.#said.keys();
    if (this.#said.size > saidMax && oldestId !== undefined) this.#said.delete(oldestId);
  }

  /** Where they differ nobody can say which is newest, so attempts take turns. */
  next(brokerId: number, known: readonly (Address | undefined)[]): Address | undefined {
    const addresses = [...known, this.#said.get(brokerId)].filter((each) => each !== undefined);
    const distinct = addresses.filter(
      (each, row) => addresses.findIndex((other) => isSame(each, other)) === row,
    );
    if (distinct.length < 2) return distinct[0];
    const attempt = this.#attempts.get(brokerId) ?? 0;
    this.#attempts.set(brokerId, attempt + 1);
    return distinct[attempt % distinct.length];
  }
}

function isSame(some: Address, other: Address): boolean {
  return some.host === other.host && some.port === other.port;
}
