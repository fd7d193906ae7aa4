import type { ServerUnaryCall, UntypedServiceImplementation } from "@grpc/grpc-js";
import { decodeErrorStatus, RecordBatchBuilder, statusDetailsKey } from "@ropewalk/protocol";
import type { Logger } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { ByteBudget } from "../byte-budget.ts";
import { ProducerIdPool } from "../controller/producer-id-pool.ts";
import type { AppendCallback, BrokerPorts, PartitionLog, Patience } from "../ports.ts";
import { produceHandlers } from "./produce-service.ts";
import { topicHandlers } from "./topic-service.ts";
import type { UnaryHandler } from "./unary.ts";

const deadlineMs = 600;
/** So long before it the answer leaves. */
const answerMs = 50;

const logger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };

/** A broker whose partition and controller get no majority. */
class Stuck {
  readonly clock = new SimulatedClock();
  readonly budget = new ByteBudget(1_000_000);
  readonly appends: AppendCallback[] = [];
  readonly patiences: (Patience | undefined)[] = [];
  readonly #handlers: UntypedServiceImplementation;

  constructor() {
    const log: Partial<PartitionLog> = {
      append: (_principal, _batch, _acks, done) => void this.appends.push(done),
      deleteRecords: (_principal, _offset, patience) => {
        this.patiences.push(patience);
        return Promise.resolve(2);
      },
    };
    const partitions = {
      leader: () => log as PartitionLog,
    } as unknown as BrokerPorts["partitions"];
    const never = (): Promise<number> => Promise.withResolvers<number>().promise;
    const producerIds = new ProducerIdPool(this.clock, never);
    const ports = { partitions, producerIds } as unknown as BrokerPorts;
    const { budget, clock } = this;
    this.#handlers = {
      ...topicHandlers(ports, logger, clock),
      ...produceHandlers(ports, logger, {
        partitions,
        clock,
        logger,
        budget,
        streamInFlightBytesMax: 1_000_000,
        appended: () => undefined,
      }),
    };
  }

  /** Calls a method with a deadline; answers what the client gets, and after how long. */
  call(method: string, request: object, cancelled = false): Promise<readonly [number, unknown]> {
    const beganMs = this.clock.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<readonly [number, unknown]>();
    const call = {
      request,
      cancelled,
      getPath: () => "/ropewalk.v1.ProduceService/Produce",
      getDeadline: () => beganMs + deadlineMs,
    } as unknown as ServerUnaryCall<object, object>;
    const handler = this.#handlers[method] as UnaryHandler<object, object>;
    handler(call, (error, response) => {
      const details = error !== null && "metadata" in error ? error.metadata : undefined;
      const [status] = details?.get(statusDetailsKey) ?? [];
      const outcome = status instanceof Buffer ? decodeErrorStatus(status) : (error ?? response);
      resolve([this.clock.monotonicMs() - beganMs, outcome]);
    });
    return promise;
  }
}

function produceRequest(): object {
  const builder = new RecordBatchBuilder();
  builder.append(1000, undefined, Buffer.from("late"));
  const recordBatch = builder.build();
  return { topic: "orders", partition: 4, recordBatch, records: [], acks: "ALL" };
}

test("Produce says before the deadline that no majority has acknowledged the batch, and counts its bytes until its fate is known", async () => {
  const stuck = new Stuck();
  const { appends, budget, clock } = stuck;
  const produced = stuck.call("produce", produceRequest());
  await clock.run(deadlineMs);
  const [tookMs, error] = await produced;
  expect(tookMs).toBe(deadlineMs - answerMs);
  expect(error).toMatchObject({
    code: "REQUEST_TIMED_OUT",
    message: expect.stringContaining("whether the batch is in orders-4"),
  });
  expect(budget.bytesHeld).toBeGreaterThan(0);
  appends[0]?.({ baseOffset: 0, nextOffset: 1, duplicate: false });
  await clock.run(1);
  expect(budget.bytesHeld).toBe(0);
});

test("InitProducerId gives up before the deadline, while no controller answers", async () => {
  const stuck = new Stuck();
  const { clock } = stuck;
  const asked = stuck.call("initProducerId", {});
  await clock.run(deadlineMs);
  const [tookMs, error] = await asked;
  expect(tookMs).toBe(deadlineMs - answerMs);
  expect(error).toMatchObject({ code: "LEADER_NOT_AVAILABLE" });
});

test("DeleteRecords tells the partitions how long its client waits", async () => {
  const stuck = new Stuck();
  const { patiences } = stuck;
  await stuck.call("deleteRecords", { topic: "orders", offsets: [{ partition: 1, offset: 2 }] });
  expect(patiences).toEqual([{ timeoutMs: deadlineMs - answerMs }]);
});

test("unary() does not begin what nobody waits for any more", async () => {
  const stuck = new Stuck();
  const { appends, clock } = stuck;
  void stuck.call("produce", produceRequest(), true);
  await clock.run(deadlineMs);
  expect(appends).toEqual([]);
});
