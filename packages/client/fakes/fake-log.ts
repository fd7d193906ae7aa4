import {
  batchBaseSequence,
  batchProducerEpoch,
  batchProducerId,
  batchRecordCount,
  patchBatch,
  RecordBatchBuilder,
  readRecords,
  RopewalkError,
} from "@ropewalk/protocol";

interface Written {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
  readonly baseOffset: number;
}

/** A partition in memory that treats producers' epochs and sequences as brokers do. */
export class FakeLog {
  readonly batches: Buffer[] = [];
  endOffset = 0;
  readonly #written: Written[] = [];

  /** Appends the batch or finds it; throws OUT_OF_ORDER_SEQUENCE_NUMBER or INVALID_PRODUCER_EPOCH. */
  append(batch: Uint8Array): { baseOffset: number; nextOffset: number; duplicate: boolean } {
    const producerId = batchProducerId(batch);
    const baseSequence = batchBaseSequence(batch);
    const recordCount = batchRecordCount(batch);
    const producerEpoch = batchProducerEpoch(batch);
    const ofProducer = this.#written.filter((written) => written.producerId === producerId);
    if (producerId >= 0) {
      const current = ofProducer.at(-1)?.producerEpoch ?? producerEpoch;
      if (producerEpoch < current) {
        throw new RopewalkError(
          "INVALID_PRODUCER_EPOCH",
          `producer ${producerId} is at ${current}`,
        );
      }
      const known = ofProducer.filter((each) => each.producerEpoch === producerEpoch).slice(-5);
      const same = known.find(
        (written) => written.baseSequence === baseSequence && written.recordCount === recordCount,
      );
      if (same !== undefined) {
        return {
          baseOffset: same.baseOffset,
          nextOffset: same.baseOffset + recordCount,
          duplicate: true,
        };
      }
      const last = known.at(-1);
      const isFirstOfEpoch = last === undefined && ofProducer.length > 0;
      const expected =
        last === undefined
          ? isFirstOfEpoch
            ? 0
            : baseSequence
          : last.baseSequence + last.recordCount;
      if (baseSequence !== expected) {
        throw new RopewalkError(
          "OUT_OF_ORDER_SEQUENCE_NUMBER",
          `sequence ${baseSequence} of producer ${producerId}`,
        );
      }
    }
    const baseOffset = this.endOffset;
    this.#written.push({ producerId, producerEpoch, baseSequence, recordCount, baseOffset });
    const copy = Buffer.from(batch);
    patchBatch(copy, 0, baseOffset, 1);
    this.batches.push(copy);
    this.endOffset += recordCount;
    return { baseOffset, nextOffset: this.endOffset, duplicate: false };
  }

  /** Appends a batch of these values. */
  write(...values: readonly string[]): void {
    const builder = new RecordBatchBuilder();
    for (const value of values)
      builder.append(1_000 + this.endOffset, undefined, Buffer.from(value));
    this.append(builder.build());
  }

  /** The values of all records, as text. */
  values(): string[] {
    return this.batches.flatMap((batch) =>
      [...readRecords(batch)].map((record) => Buffer.from(record.value ?? []).toString()),
    );
  }
}
