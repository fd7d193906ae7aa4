import { expect, test } from "vitest";
import { parseCommandLine } from "./command-line.ts";

test("parseCommandLine() takes workloads, lists and numbers", () => {
  const flags = ["--record-bytes", "100,1024", "--acks", "all,1", "--seconds", "0.5"];
  const command = parseCommandLine(["produce", "latency", ...flags, "--against", "a:1,b:2"]);
  expect(command).toMatchObject({
    workloads: ["produce", "latency"],
    against: ["a:1", "b:2"],
    options: { recordBytes: [100, 1024], acks: ["all", "1"], seconds: 0.5, warmUpSeconds: 2 },
  });
});

test("parseCommandLine() makes cases short with --quick, unless told how long", () => {
  expect(parseCommandLine(["--quick"]).options).toMatchObject({ seconds: 1, warmUpSeconds: 1 });
  expect(parseCommandLine(["--quick", "--seconds", "3"]).options.seconds).toBe(3);
});

test.for([
  [["--seconds", "ten"], '--seconds takes numbers, not "ten"'],
  [["--record-bytes", "1,,2"], '--record-bytes takes numbers, not ""'],
  [["--recordbytes", "1"], "recordbytes"],
] as const)("parseCommandLine(%j) says what is wrong", ([args, message]) => {
  expect(() => parseCommandLine(args)).toThrow(message);
});
