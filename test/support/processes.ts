/** Real processes, as people start them: the `landfall` command and scripts of Node's. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { projectDir } from "../../src/config.ts";

const ownNode = join(projectDir, "node_modules", ".bin", "node");
const command = join(projectDir, "scripts", "landfall.js");

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningProcess {
  child: ChildProcess;
  /** What it has written so far. */
  output(): string;
  /** Waits until it has written this; fails where it ends before. */
  waitFor(text: string | RegExp): Promise<void>;
  ended: Promise<Ended>;
}

/** Environment of a command under test: nothing of the caller's but what finds programs, then what the test says. */
export function environment(variables: Record<string, string> = {}): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...variables };
}

/** Starts `landfall` with these arguments and no configuration but the variables. */
export function startLandfall(args: string[], variables: Record<string, string>): RunningProcess {
  return startNode([command, ...args], environment(variables));
}

/**
 * Runs `landfall` to its end.
 *
 * @param input what it reads from stdin; nothing where it is left out
 */
export function landfall(args: string[], variables: Record<string, string>, input?: string): Promise<Ended> {
  return startProgram(ownNode, [command, ...args], environment(variables), projectDir, input).ended;
}

/** Starts `npm run landfall --` with these arguments, as the README says. */
export function startByNpm(args: string[], variables: Record<string, string>): RunningProcess {
  return startProgram("npm", ["run", "landfall", "--", ...args], environment(variables), projectDir);
}

export function startNode(args: string[], env: Record<string, string>, cwd = projectDir): RunningProcess {
  return startProgram(ownNode, args, env, cwd);
}

function startProgram(
  program: string,
  args: string[],
  env: Record<string, string>,
  cwd: string,
  input?: string,
): RunningProcess {
  const child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const output = () => written.stdout + written.stderr;
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...written }) as Ended);
  return {
    child,
    output,
    ended,
    waitFor: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (typeof text === "string" ? !output().includes(text) : !text.test(output())) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`It ended before it said ${text}:\n${output()}`)));
      }),
  };
}
