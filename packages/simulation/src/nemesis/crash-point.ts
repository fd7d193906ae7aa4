import type { BrokerMachine } from "../simulated-cluster.ts";
import type { SeededRandom } from "../world/seeded-random.ts";

/** Files of one kind that are synced before it happens. */
const syncsMax = 4;

/**
 * Waits until a machine has synced a file of one kind, and then does harm, before anything else is on its disk. What
 * takes several steps is so interrupted between two of them, however rare it is: a fault at any time would nearly always
 * meet the journal. Answers how to call it off.
 */
export function atSync(machine: BrokerMachine, random: SeededRandom, harm: () => void): () => void {
  const { disk } = machine;
  const kinds = [...new Set(disk.paths().map(kindOf))];
  const kind = kinds.length === 0 ? "" : random.pick(kinds);
  // Half of the time what is new in the directory must not be durable yet: whoever relies on it has forgotten to sync that.
  const isAboutNames = random.chance(0.5);
  let left = isAboutNames ? 0 : random.integer(syncsMax);
  const callOff = (): void => {
    disk.onSynced = undefined;
  };
  disk.onSynced = (path) => {
    if (kindOf(path) !== kind || (isAboutNames && !disk.hasUnsyncedNames)) return;
    if (left-- > 0) return;
    callOff();
    // Whoever waited for the sync goes on first: the next thing that it asks of the disk comes to nothing.
    machine.process?.post(0, harm);
  };
  return callOff;
}

/** Files are named after what they are, and then numbered. */
function kindOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const [kind = ""] = name.split(/[-.0-9]/);
  return `${kind}${name.slice(name.lastIndexOf("."))}`;
}
