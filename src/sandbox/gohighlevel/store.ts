import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { emptyState, type State, stateSchema } from "./state.ts";

export type Store = {
  /** The state as it stands; to be changed only inside `commit`. */
  readonly state: State;
  /** Runs `change` on the state and writes the result to the data file before it returns: what was answered is kept. */
  commit<T>(change: (state: State) => T): T;
  /** Puts another state in place of this one. */
  replace(state: State): void;
  /** A new id of the look GoHighLevel gives to this kind of object. */
  nextId(look: "objectId" | "short" | "uuid"): string;
};

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function idFrom(seed: string, look: "objectId" | "short" | "uuid"): string {
  const digest = createHash("sha256").update(seed).digest();
  const hex = digest.toString("hex");
  if (look === "objectId") return hex.slice(0, 24);
  if (look === "short") return Array.from(digest.subarray(0, 20), (byte) => base62[byte % 62]).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function readState(dataFile: string | undefined): State {
  if (dataFile === undefined || !existsSync(dataFile)) return emptyState();
  return stateSchema.parse(JSON.parse(readFileSync(dataFile, "utf8")));
}

function writeState(dataFile: string, state: State): void {
  const draft = `${dataFile}.${process.pid}.tmp`;
  const file = openSync(draft, "w", 0o600);
  try {
    writeSync(file, JSON.stringify(state));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, dataFile);
}

/** Opens the store in `dataFile`, or in memory alone where no file is given. A broken file throws; it is never overwritten. */
export function openStore(dataFile: string | undefined, seed: string): Store {
  if (dataFile !== undefined) mkdirSync(dirname(dataFile), { recursive: true });
  let state = readState(dataFile);
  const save = () => {
    if (dataFile !== undefined) writeState(dataFile, state);
  };
  return {
    get state() {
      return state;
    },
    commit(change) {
      const result = change(state);
      save();
      return result;
    },
    replace(next) {
      state = next;
      save();
    },
    nextId(look) {
      state.made += 1;
      return idFrom(`${seed}:${state.made}`, look);
    },
  };
}
